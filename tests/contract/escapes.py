"""Commands by which a tenant might get at others, or at the server: none of them may be carried out."""

from __future__ import annotations

from tests.contract.tenancy import MINE, OTHERS, THEIRS

ESCAPES = [
    line.strip().replace("«mine»", MINE).replace("«theirs»", THEIRS).replace("«other»", OTHERS)
    for line in """
        XRANGE «theirs»n - +
        XREVRANGE «theirs»failures + -
        HGETALL «theirs»meta
        HGET «theirs»meta x
        EXISTS «theirs»meta
        ZRANGE «theirs»dead 0 -1
        SMEMBERS taskq:«other»:queues
        SMEMBERS taskq:acme2:queues
        SMEMBERS taskq:acme:queues2
        HGETALL taskq:{acme2/emails}:meta
        HGETALL taskq:{acme-x/emails}:meta
        HGETALL taskq:{acme
        GET plain
        SADD taskq:«other»:queues x
        XADD «theirs»n * t {}
        HSET «theirs»meta paused 1
        SET plain x
        SET «theirs»n x
        DEL «mine»lock «theirs»n
        UNLINK «theirs»n
        BLPOP «theirs»wake 0.01
        BLPOP «mine»wake «theirs»wake 0.01
        RPUSH «theirs»told:x {}
        XREAD COUNT 1 STREAMS «theirs»n 0
        XREAD COUNT 1 STREAMS «mine»n «theirs»n 0 0
        XREAD COUNT 1 BLOCK 1 STREAMS «theirs»n «mine»n 0 0
        XREADGROUP GROUP w c STREAMS «theirs»n >
        XREADGROUP GROUP w c STREAMS «mine»n «theirs»n > >
        XREADGROUP NOACK GROUP w STREAMS STREAMS «theirs»n >
        XREADGROUP COUNT 1 GROUP STREAMS «mine»n STREAMS «theirs»n >
        XREADGROUP GROUP STREAMS «mine»n NOACK STREAMS «theirs»n >
        XREADGROUP COUNT 1 GROUP w STREAMS STREAMS «theirs»n >
        XCLAIM «theirs»n w c 0 0-1
        XGROUP CREATE «theirs»n g 0
        XGROUP DESTROY «mine»n w
        XAUTOCLAIM «theirs»n w c 0 0
        XINFO STREAM «theirs»n
        SORT «mine»wake BY nosort GET plain
        SORT «mine»wake STORE plain
        SORT_RO «mine»wake BY «theirs»*
        OBJECT ENCODING «theirs»n
        OBJECT ENCODING «mine»n
        TYPE «theirs»n
        TTL «theirs»n
        KEYS *
        SCAN 0
        RANDOMKEY
        DBSIZE
        COPY «mine»meta «theirs»meta
        COPY «theirs»meta «mine»x
        COPY «mine»meta plain DB 1
        RENAME «mine»meta plain
        RENAMENX «theirs»meta «mine»x
        MOVE «mine»meta 1
        DUMP «mine»meta
        RESTORE «mine»x 0 x
        MIGRATE 127.0.0.1 1 «mine»meta 0 10
        SMOVE taskq:acme:queues plain emails
        LMOVE «theirs»wake «mine»wake LEFT LEFT
        SINTERSTORE taskq:acme:queues taskq:«other»:queues
        ZRANGESTORE «mine»x «theirs»dead 0 -1
        GEORADIUS «mine»x 0 0 1 m STORE «mine»y STORE «theirs»y
        PFCOUNT «theirs»x
        BITOP NOT plain «mine»lock
        SUBSCRIBE __keyevent@0__:set
        PSUBSCRIBE *
        SSUBSCRIBE x
        PUBLISH a b
        SPUBLISH a b
        PUBSUB CHANNELS
        MONITOR
        SCRIPT FLUSH
        SCRIPT LOAD return
        SCRIPT KILL
        SCRIPT EXISTS x
        FUNCTION LOAD x
        FUNCTION FLUSH
        FUNCTION LIST
        FUNCTION DUMP
        FUNCTION KILL
        FCALL f 0
        CONFIG GET requirepass
        CONFIG SET maxmemory 1
        CONFIG REWRITE
        CONFIG RESETSTAT
        DEBUG SLEEP 0
        DEBUG OBJECT «theirs»n
        SHUTDOWN NOSAVE
        CLIENT LIST
        CLIENT KILL ID 1
        CLIENT PAUSE 1
        CLIENT UNBLOCK 1
        CLIENT NO-EVICT ON
        CLIENT TRACKING ON
        FLUSHALL
        FLUSHDB
        SWAPDB 0 1
        SELECT 1
        ACL LIST
        ACL GETUSER default
        ACL SETUSER taskq-acme +@all
        ACL DELUSER taskq-acme-reader
        ACL LOG
        ACL LOAD
        REPLICAOF NO ONE
        SLAVEOF NO ONE
        FAILOVER
        PSYNC ? -1
        REPLCONF GETACK *
        ROLE
        CLUSTER NODES
        CLUSTER SLOTS
        CLUSTER KEYSLOT x
        LATENCY DOCTOR
        SLOWLOG GET
        MEMORY USAGE «theirs»n
        MEMORY DOCTOR
        MEMORY MALLOC-STATS
        INFO
        INFO keyspace
        MODULE LIST
        MODULE LOAD x
        SAVE
        BGSAVE
        BGREWRITEAOF
        LASTSAVE
        MULTI
    """.strip().splitlines()
]
NOT_FOR_PRODUCERS = [
    line.strip().replace("«mine»", MINE)
    for line in """
        XREADGROUP GROUP w c STREAMS «mine»n >
        XCLAIM «mine»n w c 0 0-1
        XTRIM «mine»n MAXLEN 0
        XGROUP CREATE «mine»n g 0
        DEL «mine»n
        UNLINK «mine»n
        SET «mine»n x
        SET «mine»lock x
        SET «mine»result:n1-0 {}
        SET «mine»tail 1
        HSET «mine»meta paused 1
        HSET «mine»dead:jobs s1-1 x
        HDEL «mine»jobs s1-1
        HSETNX «mine»meta draining 1
        ZADD «mine»leases 1 w
        ZADD «mine»dead 1 w
        ZADD «mine»revoked 1 w
        ZREM «mine»due s1-1
        RPUSH «mine»told:w {}
        BLPOP «mine»wake 0.01
        XADD «mine»failures * id x
        XADD «mine»events * id x
        XDEL «mine»failures 0-1
        SREM taskq:acme:queues emails
    """.strip().splitlines()
]
NOT_FOR_READERS = [
    line.strip().replace("«mine»", MINE)
    for line in """
        XADD «mine»n * t {}
        SET «mine»producer:x 1
        SET «mine»unique:x 1
        HSET «mine»jobs s1-1 x
        ZADD «mine»due 1 s1-1
        HINCRBY «mine»meta paused 1
        HINCRBY «mine»stats done 1
        RPUSH «mine»wake 1
        EXPIRE «mine»t:1 1
        PEXPIRE «mine»producer:x 1
        SADD taskq:acme:queues x
    """.strip().splitlines()
]

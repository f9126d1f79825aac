#!lua flags=allow-oom
-- Sets and unsets limits of a queue.
-- KEYS 1 meta
-- ARGV field, value pairs; "" unsets
-- Reply: how many fields there were.
for at = 1, #ARGV, 2 do
  if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[at])
  else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
return #ARGV / 2

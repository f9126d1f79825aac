"""The scripts for bash, zsh and fish. Each gives our words to `taskq`, which prints what may stand there."""

from __future__ import annotations

from typing import Final

BASH: Final = r"""# taskq completion for bash
_taskq_completion() {
    local IFS=$'\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(_TASKQ_COMPLETE=bash "${COMP_WORDS[0]}" "${words[@]}" 2>/dev/null </dev/null))
    # after a folder goes on what is in it
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then compopt -o nospace; fi
}
complete -o nosort -F _taskq_completion taskq 2>/dev/null || complete -F _taskq_completion taskq
"""

ZSH: Final = r"""#compdef taskq
# taskq completion for zsh
_taskq() {
    local line
    local -a lines values shown
    lines=("${(@f)$(_TASKQ_COMPLETE=zsh "${words[1]}" "${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
    for line in "${lines[@]}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\t'*}")
        if [[ $line == *$'\t'* ]]; then shown+=("${line/$'\t'/  -- }"); else shown+=("$line"); fi
    done
    (( ${#values} )) || return 1
    if [[ ${#values} -eq 1 && ${values[1]} == */ ]]; then
        compadd -S '' -d shown -- "${values[@]}"
    else
        compadd -V taskq -d shown -- "${values[@]}"
    fi
}
if [[ ${funcstack[1]} == _taskq ]]; then _taskq "$@"; else compdef _taskq taskq; fi
"""

FISH: Final = r"""# taskq completion for fish
function __taskq_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l command $before[1]
    set -e before[1]
    _TASKQ_COMPLETE=fish $command $before "$current" 2>/dev/null </dev/null
end
complete -c taskq -f -k -a '(__taskq_complete)'
"""

SCRIPTS: Final = {"bash": BASH, "zsh": ZSH, "fish": FISH}

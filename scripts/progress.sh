# shellcheck shell=bash
# Shows the steps of the set-up and keeps what they leave behind tidy. Sourced by the scripts here.
#
# A step's own output goes to .deps/logs; on a terminal a line with a bar or a spinner stands for
# it, in a log a line every ten seconds. `step_bytes` (how much a step downloads into the scratch
# folder) or a `[3/12]` in the step's output turn the spinner into a bar with the time left.

mkdir -p .deps/logs .deps/downloads
step_bytes=0
scratch=
progress_pid=

stop_progress() {
    [[ -n $progress_pid ]] || return 0
    kill "$progress_pid" 2>/dev/null || true
    wait "$progress_pid" 2>/dev/null || true
    progress_pid=
    if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

leave() {
    stop_progress
    if [[ -n $scratch ]]; then rm -rf "$scratch"; fi
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Makes a folder that is gone when the script ends, on the same file system as .deps, so that what
# is complete can be renamed into place.
make_scratch() {
    scratch=$(mktemp -d .deps/scratch.XXXXXX)
}

say() { printf '%s\n' "$*" >&2; }

# The share of a step that is done, in thousandths, or nothing where it is not known.
step_share() {
    local log=$1 size count
    if ((step_bytes > 0)); then
        size=$(find "${scratch:-.deps/downloads}" -type f -printf '%s\n' 2>/dev/null |
            awk '{ sum += $1 } END { print sum + 0 }')
        ((size <= step_bytes)) || size=$step_bytes
        printf '%d' $((size * 1000 / step_bytes))
        return
    fi
    count=$(tail -c 2000 "$log" 2>/dev/null | grep -oE '\[[0-9]+/[0-9]+\]' | tail -n 1 | tr -d '[]')
    [[ $count == */* ]] || return 0
    ((${count#*/} > 0)) || return 0
    printf '%d' $((${count%/*} * 1000 / ${count#*/}))
}

# What is known besides the label: the share done, the rate, the time left, the time spent.
step_details() {
    local elapsed=$1 share=$2 text
    text="$elapsed s"
    if [[ -n $share ]] && ((share > 0)); then
        text="$((share / 10)) %, $text"
        if ((step_bytes > 0 && elapsed > 0)); then
            text+=", $((step_bytes * share / elapsed / 1000000)) kB/s"
        fi
        if ((elapsed > 0)); then text+=", $((elapsed * (1000 - share) / share)) s left"; fi
    fi
    printf '%s' "$text"
}

step_bar() {
    local share=$1 tick=$2 width=20 full bar=''
    if [[ -z $share ]]; then
        local frames=('-' "\\" '|' '/')
        printf '%s' "${frames[tick % 4]}"
        return
    fi
    full=$((share * width / 1000))
    printf -v bar '%*s' "$full" ''
    bar=${bar// /#}
    printf '[%-*s]' "$width" "$bar"
}

# Runs beside a step until it is told to stop or the script that started it is gone.
watch_step() {
    local label=$1 log=$2 script=$3 began=$SECONDS tick=0 told=0 share elapsed
    trap - EXIT
    trap 'exit 0' TERM
    while sleep 0.3 && kill -0 "$script" 2>/dev/null; do
        elapsed=$((SECONDS - began))
        if [[ -t 2 ]]; then
            share=$(step_share "$log")
            printf '\r\033[K%s %s %s' \
                "$label" "$(step_bar "$share" "$tick")" "$(step_details "$elapsed" "$share")" >&2
        elif ((told == 0 && elapsed >= 1)); then
            told=1
            say "$label …"
        elif ((elapsed >= told + 10)); then
            told=$elapsed
            say "  $label: $(step_details "$elapsed" "$(step_share "$log")")"
        fi
        tick=$((tick + 1))
    done
}

# step LABEL COMMAND… runs a command with progress; its output lies in $step_log afterwards.
#
# What is done within a second says nothing, unless it fails.
# The command runs in the foreground, so that Ctrl-C reaches it as it would without this script.
# A shell function given as COMMAND must chain with `&&`: `set -e` does not hold inside it.
step() {
    local label=$1 status=0 began=$SECONDS
    shift
    step_log=.deps/logs/${label//[^a-zA-Z0-9]/-}.log
    : >"$step_log"
    watch_step "$label" "$step_log" "$$" &
    progress_pid=$!
    "$@" >"$step_log" 2>&1 </dev/null || status=$?
    stop_progress
    if ((status == 0)); then
        if ((SECONDS > began + 1)); then say "$label: done in $((SECONDS - began)) s"; fi
    else
        say "$label: failed after $((SECONDS - began)) s"
    fi
    return "$status"
}

# The last lines of a step's output that say something, indented.
show_log_end() {
    grep -v '^[[:space:]]*$' "$step_log" | tail -n "${1:-5}" | cut -c 1-200 | sed 's/^/    /' >&2
}

# Why a build failed, from the output of the last step: the compiler's errors, or else the end.
show_build_errors() {
    local errors
    errors=$(grep -E '^[^[:space:]|].*error:|^error:' "$step_log" | sort -u | head -n 20) || true
    if [[ -n $errors ]] && (($(wc -l <"$step_log") > 20)); then
        printf '%s\n' "$errors" >&2
    else
        show_log_end 20
    fi
    if grep -qiE 'failed to clone|could not resolve host|unable to access' "$step_log"; then
        say "  hint: the packages that Package.swift names come from github.com by git; a mirror"
        say "        can be set with \`swift package config set-mirror\`"
    fi
    say "  the whole output is in $step_log"
}

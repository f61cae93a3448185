# The stand-in's executor in the main container, run by busybox: `argoexec emissary … -- COMMAND`, `argoexec kill SIGNAL PID`.
# The command's output is its own, byte for byte; around it stand the lines that Argo's executor writes.
b=/var/run/argo/busybox

# say MESSAGE [ATTRIBUTE]: Argo writes the attributes in any order.
say() {
  now=$EPOCHREALTIME
  fraction=${now#*.}
  attributes="argo=true${2:+ $2}"
  [ $((RANDOM % 2)) = 0 ] || attributes="${2:+$2 }argo=true"
  time=$($b date -u -d "@${now%.*}" +%Y-%m-%dT%H:%M:%S).${fraction%???}Z
  echo "time=$time level=INFO msg=\"$1\" $attributes" >&2
}

# The file of a command: busybox's shell would rather run its own applet of that name than the image's program.
find_in_path() {
  case "$1" in */*) [ -x "$1" ] && echo "$1"; return ;; esac
  IFS=:
  for folder in $PATH; do
    [ -f "$folder/$1" ] && [ -x "$folder/$1" ] && echo "$folder/$1" && return
  done
}

case "$1" in
kill)
  [ "$2" = 9 ] && exec $b kill -9 -1  # no process may kill the first of its own container
  exec $b kill "-$2" "$3"
  ;;
emissary)
  while [ "$1" != -- ]; do shift; done
  shift
  $b mkdir -p /var/run/argo/ctr/main
  say "waiting for signals" signalPath=/var/run/argo/ctr/main/signal
  program=$(find_in_path "$1")
  if [ -z "$program" ]; then
    message="failed to find name in PATH: exec: \"$1\": executable file not found in \$PATH"
    echo 64 >/var/run/argo/ctr/main/exitcode
    printf %s "$message" >/dev/termination-log
    printf 'Error: %s\n%s\n' "$message" "$message" >&2
    exit 64
  fi
  name=$1
  shift
  (exec -a "$name" "$program" "$@") &
  child=$!
  trap 'signalled=1; $b kill -TERM $child 2>/dev/null' TERM  # it may have ended just now
  while :; do
    signalled=
    wait $child 2>/dev/null  # this shell would say how the command ended
    code=$?
    [ "$signalled" ] || break
  done
  error="<nil>"
  [ $code = 0 ] || error="\"exit status $code\""
  say "sub-process exited" "error=$error"
  tab=$(printf "\t")
  while IFS=$tab read -r name path; do
    [ ! -r "$path" ] || $b cp "$path" "/var/run/argo/ctr/main/output-$name"
  done </var/run/argo/outputs
  echo $code >/var/run/argo/ctr/main/exitcode
  say "file signal handler exiting due to context cancellation"
  [ $code = 0 ] || echo "Error: exit status $code" >&2
  exit $code
  ;;
esac

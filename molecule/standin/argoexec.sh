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
  "$@" &
  child=$!
  trap 'signalled=1; $b kill -TERM $child' TERM
  while :; do
    signalled=
    wait $child
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

#!/bin/sh
# sh guard.sh TEMP_DIR COMMAND ARG...      (started by guarded-process.mjs; TEMP_DIR may be empty)
#
# Becomes COMMAND and leaves a watcher behind that ends COMMAND, and removes TEMP_DIR, when our parent dies,
# however it dies: fd 3 is a pipe whose other end only the parent holds, so the kernel closes it even after
# kill -9. Plain POSIX sh, because it must work before anything is installed, on Linux and macOS.
temp_dir=$1
shift
command_pid=$$ # stays the same across exec below

(
  # The parent writes a line when COMMAND has ended in the normal way; end of file means that the parent is
  # gone.
  if read -r _ <&3; then exit 0; fi
  # Children that a test has frozen must wake up to notice that COMMAND is gone. There is no /proc on macOS.
  for child in $(cat "/proc/$command_pid/task/$command_pid/children" 2>/dev/null); do
    kill -CONT "$child" 2>/dev/null
  done
  # This watcher is in COMMAND's process group, so the kernel can't have given the pid to another process
  # meanwhile.
  kill -KILL "$command_pid" 2>/dev/null
  [ -n "$temp_dir" ] || exit 0
  # COMMAND may still be dying and writing; a few tries are enough, it can't create anything in a folder that
  # is gone.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$temp_dir" 2>/dev/null && exit 0
    sleep 0.2
  done
) &

exec 3<&-
exec "$@"

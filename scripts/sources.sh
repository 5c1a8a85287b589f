# The files of the repository that the lint and the formatter read. Sourced by ./do, whose functions
# it uses.

# repository_files SUFFIX…: prints the files that end so (all, without a suffix), tracked or not yet,
# that git does not ignore; in a tree without git, all but the build folder.
repository_files() {
  {
    git -c safe.directory="$root" ls-files -co --exclude-standard 2>/dev/null ||
      find . -path ./build -prune -o -type f -printf '%P\n'
  } | sort -u | while IFS= read -r file; do
    [ -f "$file" ] || continue
    [ $# != 0 ] || say "$file"
    for suffix in "$@"; do
      case "$file" in *"$suffix") say "$file" ;; esac
    done
  done
}

shell_scripts() {
  repository_files | while IFS= read -r file; do
    case "$file" in
      *.sh | do) say "$file" ;;
      *) if head -c 64 "$file" | head -n 1 | tr -d '\0' | grep -qE '^#!.*\b(ba)?sh\b'; then say "$file"; fi ;;
    esac
  done
}

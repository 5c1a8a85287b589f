#!/usr/bin/env bash
# ./do package --fresh SUITE: the package of another release of Debian or Ubuntu (bookworm, trixie, noble), built from the last
# commit in a root of that release that has nothing else, and tried there: installed, started by its systemd, upgraded,
# removed and purged. The root stays in build/roots for the next time. Needs root, debootstrap and the release's mirror.
set -euo pipefail
suite="$1"
cd "$TOCSIN_ROOT"
roots="$(dirname "$TOCSIN_BUILD_DIR")/roots"
fresh="$roots/$suite"
die() { printf 'package: %s\n' "$*" >&2; exit 1; }
case "$suite" in
  bookworm | trixie) mirror=http://deb.debian.org/debian ;;
  noble) mirror=http://archive.ubuntu.com/ubuntu ;;
  *) printf 'package: --fresh knows bookworm, trixie and noble, not %s\n' "$suite" >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || die "a fresh root of $suite needs root"
command -v debootstrap >/dev/null || die "a fresh root of $suite needs debootstrap: apt-get install debootstrap"
if [ ! -e "$fresh/.complete" ]; then
  echo "package: making a root of $suite in $fresh"
  rm -rf --one-file-system "$fresh"
  mkdir -p "$fresh"
  # A debootstrap that is older than the release makes it as it makes the releases before.
  script=
  [ "$suite" != noble ] || [ -e /usr/share/debootstrap/scripts/noble ] || script=/usr/share/debootstrap/scripts/gutsy
  if [ "$suite" = noble ] && [ ! -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ]; then
    echo "package: no keyring of Ubuntu is installed here (ubuntu-keyring): what is fetched for the root is not checked by it"
  fi
  # shellcheck disable=SC2086
  debootstrap --variant=minbase --include=ca-certificates,git,bash "$suite" "$fresh" "$mirror" $script >"$roots/$suite.log" 2>&1 \
    || { tail -n 20 "$roots/$suite.log" >&2; exit 1; }
  [ "$suite" != noble ] || printf 'deb %s noble main universe\n' "$mirror" >"$fresh/etc/apt/sources.list"
  touch "$fresh/.complete"
fi
cp /etc/resolv.conf "$fresh/etc/resolv.conf"
if [ -d "$fresh/tocsin/.git" ]; then
  git -C "$fresh/tocsin" fetch -q "$TOCSIN_ROOT" HEAD
  git -C "$fresh/tocsin" reset -q --hard FETCH_HEAD
else
  git clone -q "$TOCSIN_ROOT" "$fresh/tocsin"
fi
# What is mounted there is mounted for this alone, and is gone with it.
TOCSIN_JOBS="${TOCSIN_JOBS:-$(nproc)}" unshare --mount --pid --fork --mount-proc bash -euo pipefail -s "$fresh" <<'INSIDE'
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --make-rslave "$1/dev"
mount -t tmpfs tmpfs "$1/tmp"
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb TOCSIN_JOBS="$TOCSIN_JOBS" \
  DEBIAN_FRONTEND=noninteractive TZ=UTC chroot "$1" bash -euo pipefail -c '
cd /tocsin
apt-get update -qq
apt-get install -y -qq python3 curl systemd systemd-sysv dbus >/dev/null
./do package
python3 tests/package/package.py build/release/tocsin
apt-get install -y -qq ./build/release/tocsin_*.deb >/dev/null'
INSIDE
python3 tests/package/boot.py "$fresh" "$fresh"/tocsin/build/release/tocsin_*.deb
mkdir -p "$roots/packages/$suite"
cp "$fresh"/tocsin/build/release/tocsin_*.deb "$roots/packages/$suite/"
printf '%s\n' "$roots/packages/$suite"/tocsin_*.deb

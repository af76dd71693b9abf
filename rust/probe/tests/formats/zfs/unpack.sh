#!/bin/sh
# unpack.sh NAME IMAGE: the labels NAME.xz into a sparse image that is there
# and has its size: half of them to its beginning and half to its end.
set -eu
half=524288
size=$(wc -c <"$2")
xz -dc "$(dirname "$0")/$1.xz" | {
	dd of="$2" bs=$half count=1 iflag=fullblock conv=notrunc status=none
	dd of="$2" bs=$half seek=$((size / half - 1)) iflag=fullblock conv=notrunc status=none
}

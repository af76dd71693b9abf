"""ZFS pools, on the image with the modules and tools of ZFS: imported read-only and let go again,
or left alone, with nothing of it on their disks."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)

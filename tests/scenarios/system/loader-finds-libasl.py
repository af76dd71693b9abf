# The loader finds the library by its SONAME without ldconfig, and maps the shipped file. It takes
# the same way for LD_PRELOAD as for dlopen(), and needs no language in the guest.
maps = vm.succeed("LD_PRELOAD=libasl.so.0 cat /proc/self/maps 2>&1")
vm.check_in("maps of a process", "/usr/local/lib/libasl.so", maps)

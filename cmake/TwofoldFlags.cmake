# SPDX-License-Identifier: MIT
# Warnings and instrumentation for our own code; never seen by a project that embeds the library.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wshadow>")
if(TWOFOLD_WERROR)
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Werror>")
endif()

if(TWOFOLD_SANITIZE)
    add_compile_options(-fsanitize=${TWOFOLD_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer -g1)
    add_link_options(-fsanitize=${TWOFOLD_SANITIZE})
endif()

if(TWOFOLD_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()

# SPDX-License-Identifier: MIT
# Warnings and instrumentation for our own code; never seen by a project that embeds the library.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wshadow>")
if(TWOFOLD_WERROR)
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Werror>")
endif()

# Before version 16 clang does not claim the concepts that libstdc++ asks of it before it offers
# std::expected, though it has all that <expected> really uses.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
    add_compile_options(-D__cpp_concepts=202002L -U__cpp_if_consteval
                        -Wno-builtin-macro-redefined -Wno-macro-redefined)
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

# SPDX-License-Identifier: MIT
# Each public header compiles alone, twice over, as freestanding C++ without exceptions and RTTI: what the
# hypervisor needs of it, checked in the host's build.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include"
     "${PROJECT_SOURCE_DIR}/include/twofold/*.hpp")

set(sources)
foreach(header IN LISTS headers)
    string(REGEX REPLACE "\\.hpp$" ".cpp" source "${header}")
    set(source "${CMAKE_CURRENT_BINARY_DIR}/headers/${source}")
    file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n#include <${header}>\n")
    list(APPEND sources "${source}")
endforeach()

if(sources)
    add_library(twofold-header-check OBJECT ${sources})
    target_link_libraries(twofold-header-check PRIVATE twofold::headers)
    target_compile_options(twofold-header-check PRIVATE
        -O0 -ffreestanding -fno-exceptions -fno-rtti)
endif()

# SPDX-License-Identifier: MIT
# twofold::headers is what needs no compilation; twofold::twofold adds src/ where there is any.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(TWOFOLD_ROOT "${CMAKE_CURRENT_SOURCE_DIR}")

add_library(twofold-headers INTERFACE)
add_library(twofold::headers ALIAS twofold-headers)
set_target_properties(twofold-headers PROPERTIES EXPORT_NAME headers)
target_compile_features(twofold-headers INTERFACE cxx_std_23)
target_include_directories(twofold-headers INTERFACE
    "$<BUILD_INTERFACE:${TWOFOLD_ROOT}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

file(GLOB_RECURSE TWOFOLD_SOURCES CONFIGURE_DEPENDS "${TWOFOLD_ROOT}/src/*.cpp")

# On bare metal whoever links the library decides its code generation flags, so the sources in
# TWOFOLD_SOURCES are left to that target.
if(TWOFOLD_SOURCES AND NOT TWOFOLD_BARE_METAL)
    add_library(twofold STATIC ${TWOFOLD_SOURCES})
    target_link_libraries(twofold PUBLIC twofold-headers)
    target_include_directories(twofold PRIVATE "${TWOFOLD_ROOT}/src")
else()
    add_library(twofold INTERFACE)
    target_link_libraries(twofold INTERFACE twofold-headers)
endif()
add_library(twofold::twofold ALIAS twofold)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/twofold")
install(TARGETS twofold twofold-headers EXPORT twofold-targets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${TWOFOLD_ROOT}/include/twofold" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        OPTIONAL FILES_MATCHING PATTERN "*.hpp")
install(EXPORT twofold-targets NAMESPACE twofold:: FILE twofold-targets.cmake
        DESTINATION "${config_dir}")
configure_package_config_file("${TWOFOLD_ROOT}/cmake/twofold-config.cmake.in"
    "${CMAKE_CURRENT_BINARY_DIR}/twofold-config.cmake" INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/twofold-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/twofold-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/twofold-config-version.cmake"
        DESTINATION "${config_dir}")

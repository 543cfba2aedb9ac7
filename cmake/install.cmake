# What is installed: the program, the shared libraries with their packages, documentation.
include(CMakePackageConfigHelpers)

# One shared library of the given modules: their objects, linked with what the modules need. What
# it needs stays private, because the public headers include nothing but the standard library.
function(hypertune_shared_library name)
  cmake_parse_arguments(ARG "" "EXPORT_NAME" "MODULES;LINKS" ${ARGN})
  set(objects ${ARG_MODULES})
  list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
  add_library(${name} SHARED ${objects})
  add_library(hypertune::${ARG_EXPORT_NAME} ALIAS ${name})
  set_target_properties(${name} PROPERTIES
    EXPORT_NAME ${ARG_EXPORT_NAME}
    LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    INSTALL_RPATH "$ORIGIN"
    INSTALL_RPATH_USE_LINK_PATH ON)
  target_compile_features(${name} INTERFACE cxx_std_20)
  target_include_directories(${name} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_MODULES})
  target_link_options(${name} PRIVATE LINKER:--as-needed)
  install(TARGETS ${name} EXPORT hypertune-${ARG_EXPORT_NAME}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT hypertune-${ARG_EXPORT_NAME} NAMESPACE hypertune::
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hypertune)
endfunction()

# Each package file NAME.pc says how to compile and link without CMake.
function(hypertune_pkg_config name)
  file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

set(library_modules
  hypertune_base hypertune_math hypertune_space hypertune_core hypertune_samplers
  hypertune_schedulers hypertune_storage hypertune_exec hypertune_data hypertune_config
  hypertune_report)
hypertune_shared_library(hypertune_library EXPORT_NAME hypertune MODULES ${library_modules})
set_target_properties(hypertune_library PROPERTIES OUTPUT_NAME hypertune)
hypertune_pkg_config(hypertune)

hypertune_shared_library(hypertune_trainer EXPORT_NAME trainer MODULES hypertune_nn hypertune_train
  LINKS hypertune_library)
hypertune_pkg_config(hypertune-trainer)

# Where src/train/torch_backend.cpp looks for it.
if(TARGET hypertune_torch)
  install(TARGETS hypertune_torch LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/hypertune)
endif()

install(DIRECTORY include/hypertune DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hypertune)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hypertuneConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/hypertuneConfig.cmake ${PROJECT_BINARY_DIR}/hypertuneConfigVersion.cmake
  DESTINATION ${package_dir})

# The manual page and the completions are written by the program itself, see src/cli.
set(generated ${PROJECT_BINARY_DIR}/generated)
install(FILES ${generated}/hypertune.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${generated}/hypertune.bash RENAME hypertune
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${generated}/_hypertune DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${generated}/hypertune.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set_target_properties(hypertune_cli PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS hypertune_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY experiments DESTINATION ${CMAKE_INSTALL_DATADIR}/hypertune)
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# All that is installed.
add_custom_target(product)
add_dependencies(product hypertune_cli hypertune_pages hypertune_library hypertune_trainer)
if(TARGET hypertune_torch)
  add_dependencies(product hypertune_torch)
endif()

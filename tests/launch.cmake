# Launchers: their texts as units; each against the real thing, which the test starts on loopback.
hypertune_test(launch_test SOURCES unit/launch_test.cpp integration/local_launcher_test.cpp
  DEPENDS hypertune_launch)
hypertune_test(slurm_launcher_test
  SOURCES integration/slurm_launcher_test.cpp support/obedient_program.cpp
  DEPENDS hypertune_launch)
find_program(HYPERTUNE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
target_compile_definitions(slurm_launcher_test PRIVATE HYPERTUNE_PYTHON="${HYPERTUNE_PYTHON}")

# One head serves all cases, so that they are one test.
add_executable(ray_launcher_test integration/ray_launcher_test.cpp support/obedient_program.cpp)
target_include_directories(ray_launcher_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(ray_launcher_test PRIVATE hypertune_launch GTest::gmock_main)
target_compile_definitions(ray_launcher_test PRIVATE
  HYPERTUNE_PYTHON="${HYPERTUNE_PYTHON}" HYPERTUNE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
add_test(NAME RayLauncher
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/support/isolated.sh $<TARGET_FILE:ray_launcher_test>)
set_tests_properties(RayLauncher PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)

# The trainer: options, data sets, and training itself, checked against LibTorch's own classes.
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)

hypertune_test(train_data_test
  SOURCES unit/train_options_test.cpp unit/train_datasets_test.cpp unit/train_split_test.cpp
          support/made_up_data.cpp
  DEPENDS hypertune_data LibArchive::LibArchive ZLIB::ZLIB)
hypertune_test(train_test
  SOURCES integration/train_training_test.cpp integration/train_checkpoint_test.cpp
          integration/train_crash_test.cpp integration/train_trainer_test.cpp
          support/child_process.cpp support/made_up_data.cpp
  DEPENDS hypertune_train hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
if(TARGET hypertune_torch)
  add_dependencies(train_test hypertune_torch)
endif()
hypertune_test(train_process_test
  SOURCES integration/training_process_test.cpp
  DEPENDS hypertune_train hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)

# Backends.
add_library(old_torch_backend MODULE support/old_torch_backend.cpp)
target_link_libraries(old_torch_backend PRIVATE hypertune_base)
hypertune_test(train_backend_test
  SOURCES unit/train_backend_test.cpp support/made_up_data.cpp
  DEPENDS hypertune_train)
target_compile_definitions(train_backend_test PRIVATE
  HYPERTUNE_OLD_TORCH_BACKEND="$<TARGET_FILE:old_torch_backend>"
  HYPERTUNE_OTHER_LIBRARY="$<TARGET_FILE:ZLIB::ZLIB>")
add_dependencies(train_backend_test old_torch_backend)
if(TARGET hypertune_torch)
  add_dependencies(train_backend_test hypertune_torch)
endif()
hypertune_torch_test(train_torch_test
  SOURCES integration/train_torch_test.cpp support/made_up_data.cpp
  DEPENDS hypertune_train)

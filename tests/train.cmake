# The trainer: options, data sets, and training itself, checked against LibTorch's own classes.
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Torch REQUIRED)

hypertune_test(train_data_test
  SOURCES unit/train_options_test.cpp unit/train_datasets_test.cpp unit/train_split_test.cpp
          support/made_up_data.cpp
  DEPENDS hypertune_data LibArchive::LibArchive ZLIB::ZLIB)
hypertune_test(train_test
  SOURCES unit/train_schedule_test.cpp integration/train_training_test.cpp
          integration/train_trainer_test.cpp support/made_up_data.cpp
  DEPENDS hypertune_train hypertune_exec hypertune_samplers hypertune_schedulers hypertune_storage)
hypertune_test(train_torch_test
  SOURCES integration/train_torch_test.cpp support/made_up_data.cpp
  DEPENDS hypertune_train torch)

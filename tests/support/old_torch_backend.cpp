// A LibTorch backend of another version, to be refused.
#include "train/torch_backend.h"

extern "C" const hypertune::TorchBackend hypertune_torch_backend = {"0.0.1", "0", nullptr, nullptr};

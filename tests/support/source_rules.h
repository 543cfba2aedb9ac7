// The rules that source files keep: which module includes what, and what nobody writes.
#pragma once

#include <string>
#include <vector>

#include "support/source_tree.h"

namespace hypertune::testing {

/// What is wrong with the file, each as `path:line: what`; empty when nothing is.
std::vector<std::string> layering_violations(const SourceFile& file);
std::vector<std::string> style_violations(const SourceFile& file);

/// Classes that two headers define under one name: linked together, they would be taken for one.
std::vector<std::string> twice_defined(const std::vector<SourceFile>& files);

}  // namespace hypertune::testing

// A study outside of a store: for copies, exports and imports.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// All that hypertune knows of a study but its leases and checkpoints.
struct StudyCopy {
  StudySpec spec = {};
  /// Those that are hypertune's own, apart from the specification.
  std::map<std::string, std::string, std::less<>> attributes = {};
  std::vector<TrialRecord> trials = {};  ///< by number, from 0 on
};

/// A study that another program made has no space: what its trials show of it stands in the copy.
StudyCopy copy_of(const Storage& storage, StudyId study);

/// The domains in these trials, each as wide as all of them together, in order of name.
SearchSpace space_of(std::span<const TrialRecord> trials);

/// The smallest domain that holds both, which must be compatible.
Domain widened(Domain domain, const Domain& other);

/// Makes what runs or pauses wait, with its parameters fixed: it begins anew. Returns how many.
int put_to_rest(StudyCopy& copy);

/// Puts a copy together from trials that nobody vouches for.
class StudyCopyBuilder {
 public:
  /// Throws ConfigError for a specification that no store takes.
  explicit StudyCopyBuilder(StudySpec spec);

  /// Attributes are JSON texts by key. Throws Error for others than hypertune's own.
  void set_attribute(const std::string& key, std::string json);
  /// Throws Error, naming the fault, unless the trial may come next. What passes is not refused by
  /// Storage::restore once it is at rest.
  void add(TrialRecord trial);

  const StudySpec& spec() const { return copy_.spec; }
  StudyCopy take() { return std::move(copy_); }

 private:
  StudyCopy copy_;
  std::set<std::string, std::less<>> keys_;  // of plans
  std::map<std::string, Domain, std::less<>> used_;
};

/// Stores the copy, which must be at rest: its trials in one transaction. Throws StudyMismatch when
/// the store has a study of this name that is another one or has trials already.
StudyId store_copy(Storage& storage, const StudyCopy& copy);

}  // namespace hypertune

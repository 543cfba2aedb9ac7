// Studies: how a trial gets its values.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/text.h"
#include "core/choose.h"
#include "core/study_shared.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

Params fixed_values(const TrialRecord& record) {
  Params fixed = record.params;
  for (const auto& [name, value] : record.plan.fixed) fixed.try_emplace(name, value);
  return fixed;
}

bool has_grid(const SearchSpace& space) {
  return std::ranges::any_of(space.parameters(),
                             [](const Parameter& p) { return p.role == Role::Grid; });
}

}  // namespace

/// Throws ParameterConflict for values that no trial of the study may have together.
void require_allowed(const SearchSpace& space, const Params& values) {
  const Condition* constraint = space.violated(values);
  if (constraint == nullptr) return;
  throw ParameterConflict(fmt::format("the values {} violate the constraint {}", to_string(values),
                                      constraint->text()));
}

/// Nothing when the space is exhausted; then the trial waits again.
std::optional<Trial> Study::take(TrialRecord record, const Lease& lease, TrialHooks hooks) {
  // What goes on after a pause was decided before it.
  if (!record.reports.empty()) return Trial(*this, std::move(record), std::move(hooks));
  const SearchSpace& space = spec_.space;
  Params fixed = fixed_values(record);
  require_allowed(space, fixed);
  const auto looks_at_others = [&] {
    return sampler_->uses_history() || !space.constraints().empty() || is_finite(space);
  };
  if (record.plan.draw && has_grid(space) && looks_at_others()) {
    Params shared = values_of_siblings(record, fixed, lease);
    shared.merge(fixed);
    if (space.allows(shared)) fixed = std::move(shared);
  }
  Chosen chosen = fixed.empty() ? choose_values(record, space, lease)
                                : choose_values(record, space.without(fixed), lease);
  if (!chosen.values) {
    const Params& at = record.plan.fixed;
    shared_->ending.end(fmt::format("the space of {}{} is exhausted",
                                    count_of(chosen.points, "point"),
                                    at.empty() ? "" : " at " + to_string(at)));
    storage_->release({record.id, record.lease});
    shared_->changes.announce();
    return std::nullopt;
  }
  chosen.values->merge(std::move(fixed));
  store_values(record, space, *chosen.values);
  shared_->changes.announce();
  return Trial(*this, std::move(record), std::move(hooks));
}

/// Waits until `find` finds something in the trials that have begun. These were claimed before this
/// one, and wait for none that was claimed later.
template <typename Find>
auto Study::wait_for(const TrialRecord& record, const Lease& lease, Find find) const {
  for (;;) {
    const std::uint64_t seen = shared_->changes.count();
    if (auto found = find(shared_->begun.all().trials())) return *std::move(found);
    shared_->changes.wait(seen, {});
    if (shared_->changes.count() > seen) continue;
    // Perhaps its worker is gone; this trial's own lease must not run out meanwhile.
    const Claim own{record.id, record.lease};
    storage_->heartbeat(std::span(&own, 1), lease.duration);
    storage_->fail_stale(id_);
  }
}

/// Waits while the parent is about to save its first checkpoint, from which this trial goes on.
void Study::await_parent(const TrialRecord& record, const Lease& lease) const {
  using Trials = std::span<const TrialRecord>;
  wait_for(record, lease, [&](Trials trials) -> std::optional<bool> {
    const auto parent = std::ranges::find(trials, *record.plan.parent, &TrialRecord::number);
    const bool is_saving = parent != trials.end() && runs(*parent) && !parent->reports.empty() &&
                           scheduler_->wants_checkpoint(*parent) &&
                           !storage_->checkpoint(id_, parent->number);
    return is_saving ? std::nullopt : std::optional(true);
  });
}

/// What trials of the same draw with lower numbers were given, for parameters that are not `fixed`.
Params Study::values_of_siblings(const TrialRecord& record, const Params& fixed,
                                 const Lease& lease) const {
  using Trials = std::span<const TrialRecord>;
  return wait_for(record, lease, [&](Trials trials) -> std::optional<Params> {
    std::vector<const TrialRecord*> siblings;
    for (const TrialRecord& trial : trials) {
      if (trial.number >= record.number) break;
      if (trial.draw() != record.draw()) continue;
      if (!is_final(trial.state) && trial.params.empty()) return std::nullopt;
      siblings.push_back(&trial);
    }
    Params known = fixed;
    Params values;
    for (const Parameter& parameter : spec_.space.parameters()) {
      if (known.contains(parameter.name) || !spec_.space.active(parameter, known)) continue;
      const auto sibling = std::ranges::find_if(siblings, [&](const TrialRecord* trial) {
        return trial->params.contains(parameter.name);
      });
      if (sibling == siblings.end()) continue;
      values[parameter.name] = (*sibling)->params.at(parameter.name);
      known[parameter.name] = values[parameter.name];
    }
    return values;
  });
}

/// Values for what is open. Waits until those that were claimed earlier are decided where no point
/// is to come twice.
Chosen Study::choose_values(const TrialRecord& record, const SearchSpace& open,
                            const Lease& lease) const {
  std::shared_ptr<const std::vector<Params>> cells;
  if (record.plan.draw) {
    const std::scoped_lock lock(shared_->plan_mutex);
    cells = shared_->paired_cells;
  }
  const bool differs = must_differ(open) && (!cells || sampled_alike(spec_.space));
  std::set<PointKey> recent;  // of trials that are not in shared_->taken
  if (differs) {
    using Trials = std::span<const TrialRecord>;
    const auto points = [&](Trials trials) -> std::optional<std::set<PointKey>> {
      std::set<PointKey> found;
      // This trial is not final, so that none of a higher number is among these.
      const std::size_t kept = shared_->taken.add_final(spec_.space, trials);
      for (const TrialRecord& trial : trials.subspan(std::min(kept, trials.size()))) {
        if (lag_ && trial.number >= record.number) break;
        const bool earlier = trial.number < record.number;
        if (earlier && runs(trial) && trial.params.empty()) return std::nullopt;
        if (!trial.params.empty()) found.insert(point_key(spec_.space, trial.params));
      }
      return found;
    };
    recent = wait_for(record, lease, points);
  }
  const Rng rng = Rng::for_trial(spec_.seed, record.draw());
  return with_history(record, sampler_->uses_history(), [&](const History& history) -> Chosen {
    const auto ask = [&](const Rng& own) { return sampler_->sample(open, history, own); };
    if (!differs && open.constraints().empty()) return {ask(rng)};
    Requirements wanted{.space = spec_.space, .open = open};
    if (cells) wanted.cells = *cells;
    if (differs) {
      wanted.taken = [&](const PointKey& point) {
        return recent.contains(point) || shared_->taken.contains(point);
      };
    }
    return choose(wanted, ask, rng);
  });
}

void Study::suggest(TrialRecord& record, const SearchSpace& space) const {
  const Params fixed = fixed_values(record);
  const Rng rng = Rng::for_trial(spec_.seed, record.draw());
  Params decided = with_history(record, sampler_->uses_history(), [&](const History& history) {
    return sampler_->sample(space.without(fixed), history, rng);
  });
  decided.merge(fixed);
  store_values(record, space, decided);
}

void Study::store_values(TrialRecord& record, const SearchSpace& space,
                         const Params& decided) const {
  std::vector<Storage::ParamValue> writes;
  writes.reserve(space.parameters().size());
  auto value = decided.begin();
  for (const std::size_t place : space.by_name()) {
    const Parameter& parameter = space.parameters()[place];
    while (value != decided.end() && value->first < parameter.name) ++value;
    if (record.params.contains(parameter.name) || !space.active(parameter, decided)) continue;
    if (value == decided.end() || value->first != parameter.name) {
      throw Error(
          fmt::format("the sampler gave no value for the parameter \"{}\"", parameter.name));
    }
    auto coerced = coerce(parameter.domain, value->second);
    if (!coerced) {
      throw ParameterConflict(fmt::format("trial {}: the value {} of \"{}\" does not lie in {}",
                                          record.number, to_string(value->second), parameter.name,
                                          to_string(parameter.domain)));
    }
    writes.push_back({parameter.name, parameter.domain, *std::move(coerced)});
  }
  // Without any values too: a store may have put off to secure the claim.
  storage_->set_params({record.id, record.lease}, writes);
  std::vector<NamedDomain> domains;
  domains.reserve(writes.size());
  for (const auto& write : writes) domains.push_back({write.name, &write.domain});
  {
    const std::scoped_lock lock(shared_->domains_mutex);
    record.domains = shared_->domains.with(record.domains, domains);
  }
  record.params.reserve(record.params.size() + writes.size());
  for (auto& write : writes) record.params.insert_or_assign(write.name, std::move(write.value));
}

}  // namespace hypertune

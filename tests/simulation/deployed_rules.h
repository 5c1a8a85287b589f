/// Which of a world's two sets of rules a node works by, and what an observer knows of it.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/compile.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/node/node.h"
#include "tests/simulation/world.h"

namespace tocsin::simulation {
class DeployedRules {
 public:
  /// The world must outlive it; its rules alone are those that a node begins with.
  explicit DeployedRules(const World& world);
  const cep::Program& alone() const { return *world_.program; }
  /// The set that is not `program`.
  const cep::Program& other_than(const cep::Program& program) const;
  /// The set that settings are of.
  const cep::Program& of(const runtime::NodeSettings& settings) const;
  /// What stands for the texts of a set.
  std::vector<runtime::NamedContents> texts_of(const cep::Program& program) const;
  /// Whether it is of the world's own rules, or tells that one of them exceeded a budget.
  bool is_own(const runtime::StoredAlert& alert) const;

  /// `program` is what the record `sequence` brings.
  void deploy(std::uint64_t sequence, const cep::Program& program);
  /// Records before `end` are on disk.
  void settle(std::uint64_t end);
  /// A node begins with `program`: of the deploys that were not on disk some are there, and those
  /// after them are not. Throws Broken for rules that an earlier one replaced for good.
  void begin_with(const cep::Program& program);

 private:
  const World& world_;
  std::set<std::string> own_;  // ids
  // By record, from the last that was on disk on.
  std::vector<std::pair<std::uint64_t, const cep::Program*>> deploys_;
};
}  // namespace tocsin::simulation

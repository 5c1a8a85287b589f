/// What a simulated world is made of: rules, sources with all that they will ever send, options.
#pragma once
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/intake.h"
#include "runtime/node/node_source.h"
#include "tests/support/arrivals.h"
#include "tests/support/random.h"

namespace tocsin::simulation {
/// Something that must hold does not.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void must(bool holds, const std::string& what) {
  if (!holds) throw Broken(what);
}

struct ScriptedSource {
  std::string name;
  runtime::SourceKind kind = runtime::SourceKind::kByValue;
  bool is_partition = false;          // of a topic: its lines are messages
  std::vector<std::string> lines;     // with their ends
  std::vector<cep::EventTime> times;  // of the event in each line; of the one before it where none
  std::string text() const;
};
struct World {
  std::shared_ptr<const cep::Plan> plan;
  std::optional<cep::Program> program;
  std::string rules;                   // their text
  std::optional<cep::Program> beside;  // the same rules with others beside them; where it can be
  std::vector<ScriptedSource> sources;
  runtime::IntakeOptions intake;
  oracle::ArrivalOptions arrivals;  // the same, for the oracle
  cep::EventTime begin;             // about when the first event happens
  // Of partitions: after how long their silence counts.
  std::optional<cep::Duration> idle_after;
  std::optional<cep::Duration> heartbeat;
};
/// Nothing where the seed gives no rules that can be written as text.
std::optional<World> make_world(tests::Random& random);
}  // namespace tocsin::simulation

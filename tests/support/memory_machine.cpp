#include "tests/support/memory_machine.h"

#include <doctest/doctest.h>

#include <utility>

#include "cep/plan/rule.h"
#include "runtime/effects/effects.h"
#include "runtime/io/side_output_line.h"
#include "runtime/node/node_settings.h"

namespace tocsin::tests {
MemoryMachine::MemoryMachine(MemoryWorld& world, const std::string& folder,
                             const cep::Program& program, const runtime::IntakeOptions& intake,
                             cep::EventTime clock, const std::optional<std::string>& from)
    : world_(world), folder_(folder), now_(clock), clock_(clock) {
  directory_.emplace(*runtime::DataDirectory::open(world_.files, folder_, true));
  store_ = *disk_.open(runtime::effect_families());
  runtime::NodeOptions options;
  options.settings = runtime::settings_of(program, {});
  options.texts = {{"rules:a", "rules"}};
  options.timeline.fill(1);
  options.intake = intake;
  options.chunk_bytes = 4'000;
  options.from = from;
  options.raised = [this](const runtime::StoredAlert& alert) {
    given_.alerts.push_back(alert.line);
  };
  options.side_output.late = [this](const runtime::LateEvent& late) {
    std::string& line = given_.late.emplace_back("{");
    runtime::append_late_members(line, late.input, late.line, late.late_by, late.text);
    line += '}';
  };
  options.side_output.dead_letter = [this](const runtime::DeadLetter& dead) {
    std::string& line = given_.dead.emplace_back("{");
    runtime::append_rejected_members(line, dead.input, dead.line, dead.reason, dead.text);
    line += '}';
  };
  const runtime::NodePorts ports{world_.files, clock_,  *store_, world_.states,
                                 executor_,    ranges_, false};
  auto node = runtime::Node::open(ports, *directory_, program, std::move(options));
  REQUIRE_MESSAGE(node, node.error().message);
  node_ = *std::move(node);
}
MemoryMachine::~MemoryMachine() = default;

void MemoryMachine::open(const std::string& partition) {
  const auto source = node_->source(partition, runtime::SourceKind::kByValue);
  REQUIRE_MESSAGE(source, source.error().message);
  const auto known = node_->intake().find(partition);
  REQUIRE(known);
  if (node_->intake().status(*known).state == runtime::SourceState::kActive) return;
  const auto awake = node_->decide({runtime::DecisionKind::kAwake, now_, partition});
  REQUIRE_MESSAGE(awake, awake.error().message);
}

void MemoryMachine::take(const std::string& partition, const std::string& line) {
  const auto source = node_->source(partition, runtime::SourceKind::kByValue);
  REQUIRE_MESSAGE(source, source.error().message);
  std::string block = line + "\n";
  const std::size_t size = block.size();
  block.append(runtime::kLinePadding, '\0');
  const auto taken = node_->arrive(*source, std::string_view(block).substr(0, size), nullptr);
  REQUIRE_MESSAGE(taken, taken.error().message);
  REQUIRE(*taken == size);
}

void MemoryMachine::end(const std::string& partition) {
  const auto ended = node_->decide({runtime::DecisionKind::kEnded, now_, partition});
  REQUIRE_MESSAGE(ended, ended.error().message);
}

void MemoryMachine::end_time() {
  const auto ended = node_->end_time();
  REQUIRE_MESSAGE(ended, ended.error().message);
}

std::string MemoryMachine::savepoint(const std::string& name) {
  const auto made = node_->savepoint(name);
  REQUIRE_MESSAGE(made, made.error().message);
  return directory_->paths().savepoints + "/" + name;
}

std::vector<cep::Alert> shown_alerts(const cep::Plan& plan, const std::vector<cep::Alert>& alerts) {
  std::vector<cep::Alert> shown;
  for (const cep::Alert& alert : alerts) {
    const cep::Status status = plan.rules[alert.rule.value].status;
    if (status == cep::Status::kLive || status == cep::Status::kShadow) shown.push_back(alert);
  }
  return shown;
}
}  // namespace tocsin::tests

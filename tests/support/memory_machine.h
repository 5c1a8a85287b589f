/// One machine with a data directory, all of it in memory and in one thread: lines of partitions
/// in, alerts out, savepoints.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/value/time.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/io/executor.h"
#include "runtime/node/node.h"
#include "tests/support/line_case.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
/// What outlives machines: their files.
struct MemoryWorld {
  SimulatedFiles files;
  ModelStateStores states{files};
};

class MemoryMachine {
 public:
  /// Works in `folder`, which is not there yet; `from`: a savepoint that it goes on from.
  MemoryMachine(MemoryWorld& world, const std::string& folder, const cep::Program& program,
                const runtime::IntakeOptions& intake, cep::EventTime clock,
                const std::optional<std::string>& from);
  ~MemoryMachine();
  MemoryMachine(const MemoryMachine&) = delete;
  MemoryMachine& operator=(const MemoryMachine&) = delete;
  /// Begins to read a partition, which holds back time from then on.
  void open(const std::string& partition);
  void take(const std::string& partition, const std::string& line);
  void end(const std::string& partition);
  void end_time();
  /// The savepoint's folder.
  std::string savepoint(const std::string& name);
  runtime::Node& node() { return *node_; }
  /// What came of what was taken: alerts of live and shadow rules.
  const LinesGiven& given() const { return given_; }

 private:
  class NoFiles : public runtime::RangeReader {
   public:
    Result<std::string_view> read(const runtime::NodeSource& source, std::uint64_t /*first*/,
                                  std::uint64_t /*next*/) override {
      return fail(Errc::kNotFound, source.name);
    }
  };
  MemoryWorld& world_;
  std::string folder_;
  cep::EventTime now_;
  FixedClock clock_;
  ModelDisk disk_;
  runtime::InlineExecutor executor_;
  NoFiles ranges_;
  std::optional<runtime::DataDirectory> directory_;
  std::unique_ptr<runtime::Store> store_;
  std::unique_ptr<runtime::Node> node_;
  LinesGiven given_;
};
/// Of a program: those whose alerts a machine with a data directory has.
std::vector<cep::Alert> shown_alerts(const cep::Plan& plan, const std::vector<cep::Alert>& alerts);
}  // namespace tocsin::tests

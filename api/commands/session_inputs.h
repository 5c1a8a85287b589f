/// What a durable run reads: files and standard input, or topics.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/node/kafka_settings.h"
#include "api/node/run_arguments.h"
#include "cep/base/result.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/node_inputs.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/clock.h"
#include "runtime/node/node.h"

namespace tocsin::api {
struct SessionInputOptions {
  const RunArguments& arguments;
  const runtime::RunOptions& run;
  /// Topics that are read instead of inputs. Nothing: none are.
  std::optional<KafkaSettings> kafka;
  runtime::StopRequested stop_requested;
  std::function<void(const runtime::Progress&)> progress;
  /// As runtime::NodeInputOptions has it.
  std::function<void(std::uint64_t sequence, std::uint64_t lines)> standard_input_taken;
  /// What is worth telling: a line. On some thread.
  std::function<void(const std::string&)> note;
};
/// Threading: one caller at a time.
class SessionInputs {
 public:
  /// Opens them for a node, which must outlive them, and notes how they were found. Fails as
  /// runtime::NodeInputs, or runtime::open_kafka_reader() and runtime::TopicInputs.
  static Result<std::unique_ptr<SessionInputs>> open(runtime::Node& node, runtime::Clock& clock,
                                                     SessionInputOptions options);
  /// Reads all to their ends. Fails as they do.
  Result<void> run();
  /// After the node was closed.
  void finish();
  /// runtime::NodeInputs::unfinished().
  std::vector<std::string> unfinished() const;

 private:
  SessionInputs(runtime::Node& node, runtime::Clock& clock, SessionInputOptions options);
  Result<void> open_inputs();
  Result<void> open_topics();

  runtime::Node& node_;
  runtime::Clock& clock_;
  SessionInputOptions options_;
  std::unique_ptr<runtime::NodeInputs> inputs_;
  std::optional<runtime::TimeKeeper> keeper_;
  std::unique_ptr<runtime::TopicClient> client_;
  std::unique_ptr<runtime::TopicInputs> topics_;
};
/// What a report calls the inputs: paths, or sources of topics.
std::vector<std::string> input_names(const RunArguments& arguments);
}  // namespace tocsin::api

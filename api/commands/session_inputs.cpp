#include "api/commands/session_inputs.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/inputs/topic_run.h"
#include "runtime/io/topic_partition.h"
#include "runtime/kafka/kafka_client.h"

namespace tocsin::api {
SessionInputs::SessionInputs(runtime::Node& node, runtime::Clock& clock,
                             SessionInputOptions options)
    : node_(node), clock_(clock), options_(std::move(options)) {}

Result<std::unique_ptr<SessionInputs>> SessionInputs::open(runtime::Node& node,
                                                           runtime::Clock& clock,
                                                           SessionInputOptions options) {
  std::unique_ptr<SessionInputs> inputs(new SessionInputs(node, clock, std::move(options)));
  auto opened = inputs->options_.kafka ? inputs->open_topics() : inputs->open_inputs();
  if (!opened) return tl::unexpected(opened.error());
  return inputs;
}

Result<void> SessionInputs::open_inputs() {
  runtime::NodeInputOptions options;
  options.reading = options_.run.reading;
  options.series = options_.run.series;
  options.note = options_.note;
  options.line_bytes_max = options_.run.line_bytes_max;
  // Where time ends no later start can take it.
  if (options_.run.final_watermark) options.unfinished_line = runtime::UnfinishedLine::kTake;
  options.silence = {options_.run.heartbeat, options_.run.idle_after};
  options.reads_ahead = options_.run.drift_max.has_value();
  options.stop_requested = options_.stop_requested;
  options.progress = options_.progress;
  options.standard_input_taken = options_.standard_input_taken;
  Result<std::unique_ptr<runtime::NodeInputs>> inputs =
      runtime::NodeInputs::open(node_, clock_, options_.arguments.inputs, std::move(options));
  if (!inputs) return tl::unexpected(inputs.error());
  inputs_ = *std::move(inputs);
  for (const std::string& note : inputs_->notes()) options_.note(note);
  return {};
}

Result<void> SessionInputs::open_topics() {
  KafkaSettings& kafka = *options_.kafka;
  kafka.reader.line_bytes_max = options_.run.line_bytes_max;
  kafka.reader.stop_requested = options_.stop_requested;
  kafka.reader.note = options_.note;
  kafka.inputs.until_end = options_.arguments.settings.boolean("kafka.until_end");
  Result<std::unique_ptr<runtime::TopicClient>> client =
      runtime::open_kafka_reader(std::move(kafka.reader));
  if (!client) return tl::unexpected(client.error());
  client_ = *std::move(client);
  keeper_.emplace(clock_, runtime::SilenceOptions{options_.run.heartbeat, kafka.idle_after});
  Result<std::unique_ptr<runtime::TopicInputs>> topics =
      runtime::TopicInputs::open(node_, clock_, *keeper_, *client_, std::move(kafka.inputs));
  if (!topics) return tl::unexpected(topics.error());
  topics_ = *std::move(topics);
  for (const std::string& note : topics_->take_notes()) options_.note(note);
  for (const runtime::PartitionFigures& partition : topics_->figures()) {
    options_.note(
        fmt::format("{} is read from offset {} on", partition.source, partition.next_offset));
  }
  return {};
}

Result<void> SessionInputs::run() {
  if (inputs_) return inputs_->run();
  return runtime::run_topics(node_, *keeper_, *client_, *topics_,
                             {options_.stop_requested, options_.progress, options_.note});
}

void SessionInputs::finish() {
  if (topics_) topics_->finish();
}

std::vector<std::string> SessionInputs::unfinished() const {
  return inputs_ ? inputs_->unfinished() : std::vector<std::string>();
}

std::vector<std::string> input_names(const RunArguments& arguments) {
  std::vector<std::string> names = arguments.inputs;
  for (const std::string& topic : arguments.settings.texts("kafka.topics"))
    names.push_back(fmt::format("{}{}", runtime::kPartitionPrefix, topic));
  return names;
}
}  // namespace tocsin::api

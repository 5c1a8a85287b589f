#include "runtime/kafka/kafka_health.h"

#include <simdjson.h>

#include <map>

namespace tocsin::runtime {
namespace {
// A partition that is read is asked for messages several times a second.
constexpr std::int64_t kAnswerAgeMaxUs = 5'000'000;

// Which brokers answer, by id.
std::map<std::int64_t, bool> read_brokers(simdjson::dom::element root) {
  std::map<std::int64_t, bool> brokers;
  simdjson::dom::object all;
  if (root["brokers"].get(all) != simdjson::SUCCESS) return brokers;
  for (const auto field : all) {
    std::int64_t id = -1;
    std::string_view state;
    std::int64_t idle_us = -1;
    if (field.value["nodeid"].get(id) != simdjson::SUCCESS || id < 0) continue;
    const bool is_up = field.value["state"].get(state) == simdjson::SUCCESS && state == "UP";
    const bool is_heard = field.value["rxidle"].get(idle_us) == simdjson::SUCCESS && idle_us >= 0 &&
                          idle_us < kAnswerAgeMaxUs;
    brokers[id] = brokers[id] || (is_up && is_heard);
  }
  return brokers;
}
}  // namespace

std::vector<PartitionHealth> read_kafka_health(std::string_view statistics) {
  std::vector<PartitionHealth> health;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::object topics;
  if (parser.parse(statistics.data(), statistics.size()).get(root) != simdjson::SUCCESS ||
      root["topics"].get(topics) != simdjson::SUCCESS) {
    return health;
  }
  const std::map<std::int64_t, bool> brokers = read_brokers(root);
  for (const auto topic : topics) {
    simdjson::dom::object partitions;
    if (topic.value["partitions"].get(partitions) != simdjson::SUCCESS) continue;
    for (const auto field : partitions) {
      std::int64_t number = -1;
      std::int64_t leader = -1;
      if (field.value["partition"].get(number) != simdjson::SUCCESS || number < 0) continue;
      bool is_unknown = true;
      if (field.value["unknown"].get(is_unknown) != simdjson::SUCCESS) is_unknown = true;
      if (field.value["leader"].get(leader) != simdjson::SUCCESS) leader = -1;
      const auto broker = brokers.find(leader);
      health.push_back({{std::string(topic.key), static_cast<std::uint32_t>(number)},
                        broker != brokers.end() && broker->second,
                        !is_unknown});
    }
  }
  return health;
}
}  // namespace tocsin::runtime

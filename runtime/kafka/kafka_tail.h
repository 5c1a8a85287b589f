/// Reads back what a topic has of a writer's messages.
#pragma once
#include <librdkafka/rdkafka.h>

#include <span>

#include "cep/base/result.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/kafka/kafka_client.h"
#include "runtime/outputs/topic_writer.h"

namespace tocsin::runtime {
/// Reads each partition from the request's place to the end that `bounds` say, committed messages
/// alone; waits for transactions of others that are not decided. Fails with kIo where brokers do
/// not answer in time, kLimit where there are more messages than the options allow, kStopped.
Result<TopicTail> read_kafka_tail(const KafkaWriterOptions& options, const TailRequest& request,
                                  std::span<const PartitionBounds> bounds);
}  // namespace tocsin::runtime

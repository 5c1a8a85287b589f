// What the tests do to topics of a broker, by librdkafka: kafka_tool BROKERS COMMAND ….
//
//   create TOPIC PARTITIONS     a topic
//   grow TOPIC PARTITIONS       more partitions
//   delete TOPIC
//   trim TOPIC PARTITION OFFSET removes what is before the offset
//   produce TOPIC [BATCH]       lines of standard input: PARTITION, a tab, the value; \N for none,
//                               \x and hex digits for any bytes. With BATCH in transactions of so
//                               many, of which each third is aborted after it was written once more
//   committed GROUP TOPIC PARTITIONS   the places of a group, one a line
//   read TOPIC                  the committed messages, one a line: partition, offset, and in hex
//                               digits the key, the value, and name and value of each header
//   hold TOPIC                  writes a message in a transaction and leaves it open until a line
//                               comes, or standard input ends
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {
constexpr int kTimeoutMs = 20'000;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "kafka_tool: " << why << "\n";
  std::exit(1);
}
void must(rd_kafka_resp_err_t error, const char* what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    die(fmt::format("{}: {}", what, rd_kafka_err2str(error)));
}
void must(rd_kafka_error_t* error, const char* what) {
  if (error != nullptr) die(fmt::format("{}: {}", what, rd_kafka_error_string(error)));
}
std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  if (const auto parsed = std::from_chars(text.data(), end, value);
      parsed.ec != std::errc{} || parsed.ptr != end) {
    die(fmt::format("not a number: {}", text));
  }
  return value;
}
std::int32_t number32(std::string_view text) { return static_cast<std::int32_t>(number(text)); }

class Client {
 public:
  Client(rd_kafka_type_t type, const std::string& brokers,
         const std::vector<std::pair<const char*, const char*>>& settings) {
    std::array<char, 512> text{};
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    const auto set = [&](const char* name, const char* value) {
      if (rd_kafka_conf_set(conf, name, value, text.data(), text.size()) != RD_KAFKA_CONF_OK)
        die(text.data());
    };
    set("bootstrap.servers", brokers.c_str());
    for (const auto& [name, value] : settings) set(name, value);
    handle_ = rd_kafka_new(type, conf, text.data(), text.size());
    if (handle_ == nullptr) die(text.data());
  }
  ~Client() { rd_kafka_destroy(handle_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  rd_kafka_t* get() const { return handle_; }

 private:
  rd_kafka_t* handle_;
};

// Waits for the answer to a request about topics or partitions.
void await(rd_kafka_queue_t* queue, const char* what) {
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, kTimeoutMs);
  if (event == nullptr) die(fmt::format("{}: no answer", what));
  must(rd_kafka_event_error(event), what);
  std::size_t count = 0;
  const rd_kafka_topic_result_t** topics = nullptr;
  if (const auto* created = rd_kafka_event_CreateTopics_result(event))
    topics = rd_kafka_CreateTopics_result_topics(created, &count);
  if (const auto* grown = rd_kafka_event_CreatePartitions_result(event))
    topics = rd_kafka_CreatePartitions_result_topics(grown, &count);
  if (const auto* deleted = rd_kafka_event_DeleteTopics_result(event))
    topics = rd_kafka_DeleteTopics_result_topics(deleted, &count);
  for (std::size_t i = 0; i < count; ++i) must(rd_kafka_topic_result_error(topics[i]), what);
  rd_kafka_event_destroy(event);
}

void change_topic(const std::string& brokers, const std::vector<std::string>& arguments) {
  std::array<char, 512> text{};
  const Client client(RD_KAFKA_PRODUCER, brokers, {});
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(client.get());
  const std::string& command = arguments[0];
  const std::string& topic = arguments[1];
  if (command == "create") {
    rd_kafka_NewTopic_t* one = rd_kafka_NewTopic_new(topic.c_str(), number32(arguments.at(2)), 1,
                                                     text.data(), text.size());
    rd_kafka_CreateTopics(client.get(), &one, 1, nullptr, queue);
  } else if (command == "grow") {
    rd_kafka_NewPartitions_t* one = rd_kafka_NewPartitions_new(
        topic.c_str(), static_cast<std::size_t>(number(arguments.at(2))), text.data(), text.size());
    rd_kafka_CreatePartitions(client.get(), &one, 1, nullptr, queue);
  } else if (command == "delete") {
    rd_kafka_DeleteTopic_t* one = rd_kafka_DeleteTopic_new(topic.c_str());
    rd_kafka_DeleteTopics(client.get(), &one, 1, nullptr, queue);
  } else {
    rd_kafka_topic_partition_list_t* const before = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(before, topic.c_str(), number32(arguments.at(2)))->offset =
        number(arguments.at(3));
    rd_kafka_DeleteRecords_t* one = rd_kafka_DeleteRecords_new(before);
    rd_kafka_DeleteRecords(client.get(), &one, 1, nullptr, queue);
  }
  await(queue, command.c_str());
  rd_kafka_queue_destroy(queue);
}

std::string bytes_of(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

void send(rd_kafka_t* client, const std::string& topic, const std::string& line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string::npos) die("no tab: " + line);
  std::string value = line.substr(tab + 1);
  const bool is_none = value == "\\N";
  if (value.starts_with("\\x")) value = bytes_of(std::string_view(value).substr(2));
  const std::int32_t partition = number32(std::string_view(line).substr(0, tab));
  void* const payload = is_none ? nullptr : value.data();
  for (;;) {
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_VALUE(payload, is_none ? 0 : value.size()),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) must(error, "produce");
    rd_kafka_poll(client, 20);
  }
}

void produce(const std::string& brokers, const std::string& topic, std::size_t batch) {
  std::vector<std::pair<const char*, const char*>> settings = {
      {"enable.idempotence", "true"},
      {"linger.ms", "5"},
      {"message.max.bytes", "4000000"},
      {"queue.buffering.max.messages", "500000"}};
  if (batch > 0) settings.emplace_back("transactional.id", "kafka_tool");
  const Client client(RD_KAFKA_PRODUCER, brokers, settings);
  if (batch > 0) must(rd_kafka_init_transactions(client.get(), kTimeoutMs), "init");
  std::vector<std::string> held;
  std::size_t transactions = 0;
  const auto end_transaction = [&] {
    if (held.empty()) return;
    for (const bool aborts : {++transactions % 3 == 0, false}) {
      must(rd_kafka_begin_transaction(client.get()), "begin");
      for (const std::string& line : held) send(client.get(), topic, line);
      if (!aborts) break;
      rd_kafka_flush(client.get(), kTimeoutMs);
      must(rd_kafka_abort_transaction(client.get(), kTimeoutMs), "abort");
    }
    must(rd_kafka_commit_transaction(client.get(), kTimeoutMs), "commit");
    held.clear();
  };
  std::size_t count = 0;
  for (std::string line; std::getline(std::cin, line);) {
    if (batch == 0) {
      send(client.get(), topic, line);
    } else {
      held.push_back(line);
      if (held.size() == batch) end_transaction();
    }
    if (++count % 1000 == 0) rd_kafka_poll(client.get(), 0);
  }
  if (batch > 0) end_transaction();
  must(rd_kafka_flush(client.get(), 60'000), "flush");
}

void committed(const std::string& brokers, const std::vector<std::string>& arguments) {
  const Client client(RD_KAFKA_CONSUMER, brokers, {{"group.id", arguments.at(1).c_str()}});
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add_range(list, arguments.at(2).c_str(), 0,
                                          number32(arguments.at(3)) - 1);
  must(rd_kafka_committed(client.get(), list, kTimeoutMs), "committed");
  for (int i = 0; i < list->cnt; ++i) std::cout << list->elems[i].offset << "\n";
  rd_kafka_topic_partition_list_destroy(list);
}
std::string hex(const void* bytes, std::size_t size) {
  const auto* const begin = static_cast<const unsigned char*>(bytes);
  return fmt::format("{:02x}", fmt::join(begin, begin + size, ""));
}

void print(const rd_kafka_message_t& message) {
  std::cout << message.partition << "\t" << message.offset << "\t"
            << hex(message.key, message.key_len) << "\t" << hex(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      std::cout << "\t" << hex(name, std::string_view(name).size()) << "\t" << hex(value, size);
    }
  }
  std::cout << "\n";
}

int partitions_of(rd_kafka_t* client, const std::string& topic) {
  rd_kafka_topic_t* const handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  must(rd_kafka_metadata(client, 0, handle, &metadata, kTimeoutMs), "metadata");
  const int count = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  return count;
}

void read(const std::string& brokers, const std::string& topic) {
  const Client client(RD_KAFKA_CONSUMER, brokers,
                      {{"group.id", "kafka_tool"},
                       {"enable.auto.commit", "false"},
                       {"auto.offset.reset", "earliest"},
                       {"isolation.level", "read_committed"},
                       {"enable.partition.eof", "true"},
                       {"fetch.wait.max.ms", "50"}});
  rd_kafka_poll_set_consumer(client.get());
  const int count = partitions_of(client.get(), topic);
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(count);
  for (int i = 0; i < count; ++i) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  must(rd_kafka_assign(client.get(), list), "assign");
  for (int left = count; left > 0;) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(client.get(), kTimeoutMs);
    if (message == nullptr) die("read: no answer");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      --left;
    } else {
      must(message->err, "read");
      print(*message);
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_topic_partition_list_destroy(list);
}

void hold(const std::string& brokers, const std::string& topic) {
  const Client client(RD_KAFKA_PRODUCER, brokers,
                      {{"transactional.id", "kafka_tool_hold"}, {"enable.idempotence", "true"}});
  must(rd_kafka_init_transactions(client.get(), kTimeoutMs), "init");
  must(rd_kafka_begin_transaction(client.get()), "begin");
  send(client.get(), topic, "0\theld");
  must(rd_kafka_flush(client.get(), kTimeoutMs), "flush");
  std::cout << "held" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  must(rd_kafka_commit_transaction(client.get(), kTimeoutMs), "commit");
}
}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + std::min(count, 2), values + count);
  if (arguments.size() < 2) die("BROKERS COMMAND …");
  const std::string brokers = values[1];
  const std::string& command = arguments[0];
  if (command == "produce") {
    produce(brokers, arguments[1],
            arguments.size() > 2 ? static_cast<std::size_t>(number(arguments[2])) : 0);
  } else if (command == "committed") {
    committed(brokers, arguments);
  } else if (command == "read") {
    read(brokers, arguments[1]);
  } else if (command == "hold") {
    hold(brokers, arguments[1]);
  } else {
    change_topic(brokers, arguments);
  }
  return 0;
}

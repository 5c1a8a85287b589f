#include "runtime/kafka/kafka_handle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tocsin::runtime {
namespace {
using ErrorText = std::array<char, 512>;

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value,
                 const std::string& place) {
  ErrorText text{};
  const rd_kafka_conf_res_t done =
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size());
  if (done == RD_KAFKA_CONF_OK) return {};
  // What the library says of a wrong value has the value, which may be a secret.
  const std::string why = done == RD_KAFKA_CONF_UNKNOWN
                              ? std::string(text.data())
                              : fmt::format("{} does not take this value", name);
  return fail(Errc::kInvalidArgument,
              fmt::format("{}: {}; the library's page CONFIGURATION.md has all properties and "
                          "their values",
                          place, why));
}
}  // namespace

Result<KafkaOwned<rd_kafka_conf_t>> make_kafka_conf(const KafkaConnection& connection,
                                                    const KafkaDefaults& defaults,
                                                    const KafkaDefaults& fixed) {
  KafkaOwned<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  const auto set_all = [&](const KafkaDefaults& properties) -> Result<void> {
    for (const auto& [name, value] : properties) {
      if (auto done = set(conf.get(), name, value, "kafka"); !done) return done;
    }
    return {};
  };
  // Its messages are reported by what is made of them; `debug` shows all of them.
  if (std::ranges::find(connection.properties, "debug", &KafkaProperty::name) ==
      connection.properties.end()) {
    rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  }
  const KafkaDefaults common = {{"client.id", "tocsin"},
                                {"reconnect.backoff.max.ms", "2000"},
                                {"socket.timeout.ms", "10000"}};
  if (auto done = set_all(common); !done) return tl::unexpected(done.error());
  if (auto done = set_all(defaults); !done) return tl::unexpected(done.error());
  for (const KafkaProperty& property : connection.properties) {
    auto done = set(conf.get(), property.name, property.value, property.place);
    if (!done) return tl::unexpected(done.error());
  }
  if (auto done = set_all({{"bootstrap.servers", connection.brokers}}); !done)
    return tl::unexpected(done.error());
  if (auto done = set_all(fixed); !done) return tl::unexpected(done.error());
  return conf;
}

Result<KafkaOwned<rd_kafka_t>> make_kafka(rd_kafka_type_t type, KafkaOwned<rd_kafka_conf_t> conf) {
  ErrorText text{};
  KafkaOwned<rd_kafka_t> handle(rd_kafka_new(type, conf.get(), text.data(), text.size()));
  if (!handle) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the Kafka client cannot be made: {}", text.data()));
  }
  static_cast<void>(conf.release());  // the handle's own now
  return handle;
}

void KafkaErrors::listen(rd_kafka_conf_t* conf) {
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_error_cb(conf,
                             [](rd_kafka_t* handle, int error, const char* reason, void* opaque) {
                               static_cast<KafkaErrors*>(opaque)->note(handle, error, reason);
                             });
}

void KafkaErrors::note(rd_kafka_t* handle, int error, const char* reason) {
  const std::lock_guard lock(mutex_);
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    ErrorText text{};
    rd_kafka_fatal_error(handle, text.data(), text.size());
    fatal_ = text.data();
  }
  // "All broker connections are down" follows what says why.
  if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || text_.empty()) text_ = reason;
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      is_refused_ = true;
      break;
    default:
      break;
  }
}

std::string KafkaErrors::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}
bool KafkaErrors::is_refused() const {
  const std::lock_guard lock(mutex_);
  return is_refused_;
}
std::optional<std::string> KafkaErrors::fatal() const {
  const std::lock_guard lock(mutex_);
  return fatal_;
}

std::string kafka_error_text(rd_kafka_resp_err_t error) { return rd_kafka_err2str(error); }
}  // namespace tocsin::runtime

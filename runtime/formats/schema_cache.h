/// Schemas by their number, fetched from a registry on a thread of their own when a message first
/// needs them.
///
///     find(17) ── not there ─▶ wanted ─▶ thread "schemas": fetch, read ─▶ kept ─▶ arrived()
///                                        again and again while the registry gives no answer
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cep/base/result.h"
#include "runtime/formats/message_format.h"
#include "runtime/formats/message_schema.h"
#include "runtime/formats/schema_registry.h"

namespace tocsin::runtime {
struct SchemaCacheOptions {
  /// How many are kept; the one that was not used for longest makes room.
  std::size_t schemas_max = 1000;
  /// Bytes of their texts; the newest is kept in any case.
  std::size_t bytes_max = std::size_t{16} << 20;
  /// For how long a schema that the registry does not know, or that cannot be used, is not asked
  /// for again.
  std::chrono::milliseconds refused_for{60'000};
  /// The first pause before a registry that gave no answer is asked again; each is twice as long.
  std::chrono::milliseconds retry_first{500};
  std::chrono::milliseconds retry_most{10'000};
};
/// What is known of a schema.
struct FoundSchema {
  std::shared_ptr<const MessageSchema> schema;  // null: there is none
  std::string refusal;                          // why; empty: it is on its way
};
/// Threading: one caller of find() at a time, listen() from any.
class SchemaCache {
 public:
  using Read =
      std::function<Result<std::shared_ptr<const MessageSchema>>(const RegisteredSchema& schema)>;
  SchemaCache(std::unique_ptr<SchemaRegistry> registry, Read read, SchemaCacheOptions options);
  ~SchemaCache();
  SchemaCache(const SchemaCache&) = delete;
  SchemaCache& operator=(const SchemaCache&) = delete;
  /// Waits for nothing.
  FoundSchema find(std::uint32_t id);
  void listen(FormatListener listener);

 private:
  struct Entry {
    FoundSchema found;
    std::size_t bytes = 0;  // of its text and those that it refers to
    std::chrono::steady_clock::time_point refused_until;
    std::uint64_t used = 0;  // when, by the number of the call
  };
  void work() noexcept;
  void fetch_all();
  bool take_answer(std::uint32_t id, const Result<RegisteredSchema>& answer);
  void make_room(std::size_t bytes);
  void note(const std::string& text);

  const std::unique_ptr<SchemaRegistry> registry_;
  const Read read_;
  const SchemaCacheOptions options_;
  std::mutex listener_mutex_;  // held while the listener is called
  FormatListener listener_;
  std::mutex mutex_;
  std::condition_variable for_thread_;
  std::map<std::uint32_t, Entry> entries_;
  std::size_t bytes_ = 0;  // of all entries
  std::optional<std::uint32_t> wanted_;
  std::optional<std::uint32_t> fetched_;  // which the registry is asked for now
  std::uint64_t calls_ = 0;
  bool is_stopping_ = false;
  bool is_away_ = false;  // the thread's: the registry is, which was noted
  std::thread thread_;    // from the first schema that is wanted on
};
}  // namespace tocsin::runtime

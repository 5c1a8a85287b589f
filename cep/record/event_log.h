/// Captured events of one key in the order in which they came.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "cep/queue/ring.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
/// Events are numbered from 0 on. They leave at the front. An event's address stays until it
/// leaves: events lie in chunks, and no event is ever moved, so that neither a new event nor one
/// that leaves costs more with many events than with few.
class EventLog {
 public:
  std::uint64_t begin() const { return events_.begin(); }
  std::uint64_t end() const { return events_.end(); }
  std::size_t size() const { return events_.size(); }
  const KeptEvent& operator[](std::uint64_t number) const { return *events_[number]; }
  /// Copies the event behind the others. Gives its number.
  std::uint64_t push(const KeptEvent& event);
  void pop();
  std::size_t bytes() const { return bytes_ + events_.size() * kAddressBytes; }

 private:
  static constexpr std::size_t kAddressBytes = 8;
  struct Chunk {
    std::unique_ptr<std::uint64_t[]> words;
    std::uint32_t size = 0;
    std::uint32_t used = 0;
    std::uint64_t end = 0;  // the number after that of its last event
  };
  Ring<const KeptEvent*> events_;
  std::deque<Chunk> chunks_;
  std::size_t bytes_ = 0;
};
}  // namespace tocsin::cep

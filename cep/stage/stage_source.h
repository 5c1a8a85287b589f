/// The front of a job in stages: rows of events, in order, to the passes that want them.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_sender.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Threading: one caller at a time.
class StageSource {
 public:
  /// A program by pass (compile_by_pass()) that can be spread (spread_obstacles()); with
  /// `to_one_part` any, for a WholeEngine, and no change is prepared.
  StageSource(Program program, std::uint64_t hash_seed, bool to_one_part = false);
  /// Rows as Engine::advance() takes them, before a change that waits, and after the watermark. No
  /// two events have one time and arrival number.
  void put(const Batch& slice);
  /// Rows of the next program, from the change on that waits.
  void put_next(const Batch& slice);
  /// As StageEngine::prepare().
  Result<void> prepare(Program next, EventTime from);
  /// The engine time from which on rows are of the next program; nothing if no change waits.
  std::optional<EventTime> change_from() const;
  /// No row comes at or before the watermark, which never moves back. True where a change took
  /// place with it: put() is of the next program now.
  bool advance(EventTime watermark);
  EventTime watermark() const { return watermark_; }
  StageOutbox& outbox() { return outbox_; }

 private:
  struct Sending {
    Sending(Program of, std::uint64_t hash_seed, StageOutbox& outbox, bool to_one_part);
    Program program;
    StageSender sender;
  };
  void send(Sending& to, const Batch& slice);

  std::uint64_t hash_seed_;
  StageOutbox outbox_;
  std::unique_ptr<Sending> sending_;
  std::unique_ptr<Sending> next_;
  EventTime from_;                    // if there is a next one
  EventTime newest_ = kEventTimeMin;  // of the rows that were put
  EventTime watermark_ = kEventTimeMin;
  std::vector<RowPlace> places_;
};
}  // namespace tocsin::cep

#include "runtime/event_time/decode_ahead.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::runtime {
DecodeAhead::DecodeAhead(WorkerThreads& workers, const MakeDecoder& make_decoder,
                         std::size_t block_bytes)
    : workers_(workers), block_bytes_(block_bytes) {
  for (std::uint32_t i = 0; i < workers.count(); ++i) decoders_.push_back(make_decoder());
}

DecodeAhead::~DecodeAhead() {
  if (is_begun_) workers_.end_pieces();
}

std::size_t DecodeAhead::add(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                             const CsvEvents* csv) {
  TOCSIN_ASSERT(!is_begun_, "inputs are added first");
  inputs_.emplace_back(
      LineBlocks(std::move(bytes), line_bytes_max, CsvEvents::separator_of(csv), block_bytes_),
      csv);
  return inputs_.size() - 1;
}

// So many blocks of each input are in memory: those in work, and some that wait.
void DecodeAhead::begin() {
  constexpr std::size_t kLeast = 4;
  const std::size_t slots =
      inputs_.size() == 1 ? std::max(kLeast, decoders_.size() / 2 + kLeast) : 3;
  for (Input& input : inputs_) input.slots = std::vector<Slot>(slots);
  is_begun_ = true;
  workers_.begin_pieces([this](std::uint32_t worker) { return do_piece(decoders_[worker]); });
}

bool DecodeAhead::may_read(const Input& input) {
  return !input.is_ended && !input.is_reading &&
         input.slots[input.read % input.slots.size()].state == SlotState::kFree;
}

// Of those that have room, the one with the fewest blocks ahead; null for none.
DecodeAhead::Input* DecodeAhead::next_input() {
  Input* least = nullptr;
  for (Input& input : inputs_) {
    if (!may_read(input)) continue;
    if (least == nullptr || input.read - input.taken < least->read - least->taken) least = &input;
  }
  return least;
}

bool DecodeAhead::do_piece(BlockDecoder& decoder) {
  std::unique_lock lock(mutex_);
  Input* const input = failure_ ? nullptr : next_input();
  if (input == nullptr) return false;
  try {
    read_block(*input, decoder, lock);
  } catch (...) {
    // The block is never ready: whoever waits for it throws this.
    if (!lock.owns_lock()) lock.lock();
    failure_ = std::current_exception();
    is_ready_.notify_all();
    return false;
  }
  return true;
}

// Reads the input's next block, which only one thread does at a time, and decodes it, which several
// may.
void DecodeAhead::read_block(Input& input, BlockDecoder& decoder,
                             std::unique_lock<std::mutex>& lock) {
  Slot& slot = input.slots[input.read % input.slots.size()];
  slot.state = SlotState::kBusy;
  input.is_reading = true;
  lock.unlock();
  std::string_view text;
  do {
    slot.read = input.blocks.read(slot.buffer, text);
  } while (slot.read && text.empty() && !input.blocks.is_ended());
  slot.block.is_last = input.blocks.is_ended();
  slot.block.bytes_unpacked = input.blocks.bytes_unpacked();
  slot.block.bytes_read = input.blocks.bytes().bytes_read();
  slot.block.has_lines = !text.empty();
  const bool is_first = slot.block.has_lines && std::exchange(input.is_first, false);
  lock.lock();
  input.is_reading = false;
  input.is_ended = slot.block.is_last;
  ++input.read;
  const bool has_next = may_read(input);
  lock.unlock();
  if (has_next) workers_.offer_piece();
  if (slot.block.has_lines && input.csv != nullptr) {
    decoder.decode(text, is_first, *input.csv, slot.csv, slot.block.decoded);
  } else if (slot.block.has_lines) {
    decoder.decode(text, is_first, slot.block.decoded);
  }
  lock.lock();
  slot.state = SlotState::kReady;
  is_ready_.notify_one();
}

Result<DecodeAhead::Block*> DecodeAhead::take(std::size_t number) {
  if (!is_begun_) begin();
  Input& input = inputs_[number];
  std::unique_lock lock(mutex_);
  if (std::exchange(input.has_taken, true)) {
    input.slots[input.taken++ % input.slots.size()].state = SlotState::kFree;
    workers_.offer_piece();
  }
  Slot& slot = input.slots[input.taken % input.slots.size()];
  while (slot.state != SlotState::kReady) {
    if (failure_) std::rethrow_exception(failure_);
    // The caller decodes too, rather than wait, where it is one of few. Where the others are many
    // what it waits for is there before it would have decoded a block.
    constexpr std::size_t kFew = 4;
    if (may_read(input) && (decoders_.size() <= kFew || slot.state == SlotState::kFree)) {
      read_block(input, decoders_.front(), lock);
    } else {
      is_ready_.wait(lock);
    }
  }
  if (!slot.read) return tl::unexpected(slot.read.error());
  return &slot.block;
}
}  // namespace tocsin::runtime

#include "runtime/event_time/decode_ahead.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
DecodeAhead::DecodeAhead(std::size_t threads, const MakeDecoder& make_decoder,
                         std::size_t block_bytes)
    : block_bytes_(block_bytes) {
  TOCSIN_ASSERT(threads > 0, "without threads nothing is decoded ahead");
  for (std::size_t i = 0; i < threads + 1; ++i) decoders_.push_back(make_decoder());
}

DecodeAhead::~DecodeAhead() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  can_read_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::size_t DecodeAhead::add(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                             const CsvEvents* csv) {
  TOCSIN_ASSERT(threads_.empty(), "inputs are added first");
  inputs_.emplace_back(
      LineBlocks(std::move(bytes), line_bytes_max, CsvEvents::separator_of(csv), block_bytes_),
      csv);
  return inputs_.size() - 1;
}

// So many blocks of each input are in memory: those in work, and some that wait.
void DecodeAhead::begin() {
  constexpr std::size_t kWaitingMax = 4;
  const std::size_t decoders = decoders_.size();
  const std::size_t slots = inputs_.size() == 1 ? decoders + std::min(decoders, kWaitingMax) : 3;
  for (Input& input : inputs_) input.slots = std::vector<Slot>(slots);
  for (std::size_t i = 0; i + 1 < decoders_.size(); ++i) {
    threads_.emplace_back([this, &decoder = decoders_[i]] { work(decoder); });
  }
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

void DecodeAhead::work(BlockDecoder& decoder) {
  begin_background_thread("decode");
  std::unique_lock lock(mutex_);
  for (;;) {
    Input* input = nullptr;
    can_read_.wait(lock, [&] { return is_ending_ || (input = next_input()) != nullptr; });
    if (is_ending_) return;
    try {
      read_block(*input, decoder, lock);
    } catch (...) {
      // The block is never ready: whoever waits for it throws this.
      if (!lock.owns_lock()) lock.lock();
      failure_ = std::current_exception();
      is_ready_.notify_all();
      return;
    }
  }
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
  if (has_next) can_read_.notify_one();
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
  if (threads_.empty()) begin();
  Input& input = inputs_[number];
  std::unique_lock lock(mutex_);
  if (std::exchange(input.has_taken, true)) {
    input.slots[input.taken++ % input.slots.size()].state = SlotState::kFree;
    can_read_.notify_one();
  }
  Slot& slot = input.slots[input.taken % input.slots.size()];
  while (slot.state != SlotState::kReady) {
    if (failure_) std::rethrow_exception(failure_);
    // The caller decodes too, rather than wait, where it is one of few. Where the others are many
    // what it waits for is there before it would have decoded a block.
    constexpr std::size_t kFew = 4;
    if (may_read(input) && (decoders_.size() <= kFew || slot.state == SlotState::kFree)) {
      read_block(input, decoders_.back(), lock);
    } else {
      is_ready_.wait(lock);
    }
  }
  if (!slot.read) return tl::unexpected(slot.read.error());
  return &slot.block;
}
}  // namespace tocsin::runtime

#include "cep/queue/first_other.h"

namespace tocsin::cep {
void FirstOther::Join::operator()(Two& two, const Two& more) const {
  for (const Number number : {more.one, more.other}) {
    if (number == 0 || number == two.one) continue;
    if (two.one == 0) {
      two.one = number;
    } else if (two.other == 0) {
      two.other = number;
    }
  }
}

void FirstOther::push(const std::string* value) {
  if (value == nullptr) {
    entries_.push(nullptr);
    blocks_.push({});
    return;
  }
  const auto [at, is_new] = known_.try_emplace(*value);
  if (is_new) {
    at->second.number = ++numbered_;
    text_bytes_ += value->size();
  }
  ++at->second.count;
  entries_.push(&*at);
  blocks_.push({at->second.number, 0});
}

void FirstOther::pop() {
  Entry* const entry = entries_.front();
  if (entry != nullptr && --entry->second.count == 0) {
    text_bytes_ -= entry->first.size();
    known_.erase(known_.find(entry->first));
  }
  entries_.pop();
  blocks_.pop();
}

std::uint64_t FirstOther::first(std::uint64_t from, std::uint64_t to,
                                const std::string* value) const {
  if (value == nullptr) return to;
  const auto known = known_.find(*value);
  const Number number = known == known_.end() ? 0 : known->second.number;
  return blocks_.first(from, to, [&](const Two& two) { return two.has_but(number); });
}

std::size_t FirstOther::bytes() const {
  return entries_.size() * sizeof(Entry*) + blocks_.bytes() + text_bytes_ +
         known_.size() * (sizeof(Entry) + 2 * sizeof(void*));
}
}  // namespace tocsin::cep

#include "api/rest/proposals.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/sealed_json.h"
#include "cep/value/identity.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/kept_files.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kEnding = ".json";

Result<std::string> make_id() {
  std::array<std::uint8_t, 12> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Errc::kIo, "the system gives no random bytes");
  return "pro_" + cep::hex(bytes);
}

// JSON cannot have a body that is not UTF-8, so it is kept as hex digits.
std::string text_of(const Proposal& proposal, bool is_begun) {
  ordered_json headers = ordered_json::array();
  for (const HttpHeader& header : proposal.headers) headers.push_back({header.name, header.value});
  return seal_json(
      {{"id", proposal.id},
       {"operation", proposal.operation},
       {"reason", proposal.reason},
       {"who", proposal.who},
       {"by", proposal.by},
       {"from", proposal.from},
       {"at", proposal.at.us},
       {"method", proposal.method},
       {"target", proposal.target},
       {"headers", std::move(headers)},
       {"body", cep::hex(std::span(reinterpret_cast<const std::uint8_t*>(proposal.body.data()),
                                   proposal.body.size()))},
       {"begun", is_begun}});
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  const auto digit_of = [](char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
  };
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit_of(hex[i]);
    const int low = digit_of(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}
}  // namespace

Result<std::unique_ptr<ProposalStore>> ProposalStore::open(runtime::Files& files,
                                                           runtime::Clock& clock,
                                                           std::string folder,
                                                           ProposalLimits limits) {
  std::unique_ptr<ProposalStore> store(new ProposalStore(files, clock, std::move(folder), limits));
  if (auto read = store->read(); !read) return tl::unexpected(read.error());
  return store;
}

Result<void> ProposalStore::read() {
  const auto is_proposal = [](std::string_view name) { return name.ends_with(kEnding); };
  const auto take = [&](const runtime::KeptFile& file) { return take_up(file); };
  if (auto read = runtime::read_kept_files(files_, folder_, is_proposal, take); !read) return read;
  std::ranges::sort(kept_, {},
                    [](const Kept& one) { return std::pair(one.proposal.at, one.proposal.id); });
  return {};
}

Result<void> ProposalStore::take_up(const runtime::KeptFile& file) {
  const auto damaged = [&] {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it is no proposal that waits for approval; restore "
                            "it from a copy, or remove it to forget the proposal",
                            file.path));
  };
  const Result<ordered_json> json = unseal_json(file.text, file.path);
  if (!json && json.error().code == Errc::kOtherVersion) return tl::unexpected(json.error());
  if (!json) return damaged();
  Kept kept;
  try {
    Proposal& one = kept.proposal;
    for (const auto& [member, to] :
         {std::pair{"id", &one.id}, std::pair{"operation", &one.operation},
          std::pair{"reason", &one.reason}, std::pair{"who", &one.who},
          std::pair{"from", &one.from}, std::pair{"method", &one.method},
          std::pair{"target", &one.target}}) {
      *to = json->at(member).get<std::string>();
    }
    if (json->contains("by")) one.by = json->at("by").get<std::string>();
    one.at.us = json->at("at").get<std::int64_t>();
    for (const ordered_json& header : json->at("headers"))
      one.headers.push_back({header.at(0).get<std::string>(), header.at(1).get<std::string>()});
    auto body = bytes_of_hex(json->at("body").get_ref<const std::string&>());
    if (!body || file.path != path_of(one.id)) return damaged();
    one.body = *std::move(body);
    kept.is_begun = json->at("begun").get<bool>();
  } catch (const ordered_json::exception&) {
    return damaged();
  }
  if (kept.is_begun) {
    ++cut_short_;
    return runtime::remove_tree(files_, file.path);
  }
  kept_.push_back(std::move(kept));
  return {};
}

std::string ProposalStore::path_of(const std::string& id) const {
  return fmt::format("{}/{}{}", folder_, id, kEnding);
}

Result<void> ProposalStore::write(const Proposal& proposal, bool is_begun) const {
  return runtime::put_file(files_, path_of(proposal.id), text_of(proposal, is_begun));
}

cep::EventTime ProposalStore::end_of(const Proposal& proposal) const {
  return proposal.at + limits_.wait_max;
}

// Requires mutex_, as all below that have no lock of their own.
std::vector<ProposalStore::Kept>::iterator ProposalStore::find_waiting(const std::string& id) {
  return std::ranges::find_if(
      kept_, [&](const Kept& one) { return one.proposal.id == id && !one.is_begun; });
}

Result<void> ProposalStore::forget(const std::string& id) {
  if (auto removed = runtime::remove_tree(files_, path_of(id)); !removed) return removed;
  std::erase_if(kept_, [&](const Kept& one) { return one.proposal.id == id; });
  return {};
}

// One whose file cannot be removed stays, and is tried again.
void ProposalStore::forget_old() {
  const cep::EventTime now = clock_.now();
  std::vector<std::string> old;
  for (const Kept& one : kept_) {
    if (!one.is_begun && end_of(one.proposal) <= now) old.push_back(one.proposal.id);
  }
  for (const std::string& id : old) static_cast<void>(forget(id));
}

Result<Proposal> ProposalStore::propose(Proposal proposal) {
  const std::lock_guard lock(mutex_);
  forget_old();
  if (kept_.size() >= limits_.count_max) {
    return fail(Errc::kConflict,
                fmt::format("{} proposals wait for approval already (rollout.changes_max): "
                            "approve or withdraw some",
                            limits_.count_max));
  }
  if (proposal.body.size() > limits_.body_bytes_max) {
    return fail(Errc::kInvalidArgument,
                fmt::format("this needs approval, and what waits for it may have {} bytes, not {} "
                            "(four_eyes.body_bytes_max): send it in parts",
                            limits_.body_bytes_max, proposal.body.size()));
  }
  Result<std::string> id = make_id();
  if (!id) return tl::unexpected(id.error());
  proposal.id = *std::move(id);
  proposal.at = clock_.now();
  if (auto written = write(proposal, false); !written) return tl::unexpected(written.error());
  kept_.push_back({proposal, false});
  return proposal;
}

std::vector<std::string> ProposalStore::waiting_ids() const {
  const std::lock_guard lock(mutex_);
  const cep::EventTime now = clock_.now();
  std::vector<std::string> ids;
  for (const Kept& one : kept_) {
    if (!one.is_begun && now < end_of(one.proposal)) ids.push_back(one.proposal.id);
  }
  return ids;
}

std::vector<Proposal> ProposalStore::waiting() const {
  const std::lock_guard lock(mutex_);
  const cep::EventTime now = clock_.now();
  std::vector<Proposal> all;
  for (const Kept& one : kept_) {
    if (!one.is_begun && now < end_of(one.proposal)) all.push_back(one.proposal);
  }
  return all;
}

std::optional<Proposal> ProposalStore::find(const std::string& id) const {
  for (Proposal& one : waiting()) {
    if (one.id == id) return std::move(one);
  }
  return std::nullopt;
}

Result<Proposal> ProposalStore::begin(const std::string& id, const std::string& who) {
  const std::lock_guard lock(mutex_);
  forget_old();
  const auto found = find_waiting(id);
  if (found == kept_.end()) return fail(Errc::kNotFound, fmt::format("no proposal {} waits", id));
  if (found->proposal.who == who) {
    return fail(Errc::kDenied,
                fmt::format("{} asked for this: somebody else has to approve it", who));
  }
  if (auto written = write(found->proposal, true); !written) return tl::unexpected(written.error());
  found->is_begun = true;
  return found->proposal;
}

void ProposalStore::end(const std::string& id, bool is_done) {
  const std::lock_guard lock(mutex_);
  if (is_done) {
    static_cast<void>(forget(id));
    return;
  }
  const auto found =
      std::ranges::find_if(kept_, [&](const Kept& one) { return one.proposal.id == id; });
  if (found != kept_.end() && write(found->proposal, false)) found->is_begun = false;
}

Result<void> ProposalStore::withdraw(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (find_waiting(id) == kept_.end())
    return fail(Errc::kNotFound, fmt::format("no proposal {} waits", id));
  return forget(id);
}
}  // namespace tocsin::api

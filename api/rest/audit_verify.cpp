#include "api/rest/audit_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

class Verification {
 public:
  Verification(const SecretKeys& keys, std::size_t findings_max)
      : keys_(keys), findings_max_(findings_max) {}

  void begin(const AuditPlace& anchor, const AuditPlace& head) {
    anchor_ = anchor;
    head_ = head;
    last_ = anchor;
    if (anchor.sequence > 0)
      check_place(anchor, kAuditAnchor, "the place up to which retention removed entries");
  }
  void add(std::uint64_t sequence, std::string_view line) {
    if (sequence != last_.sequence + 1) {
      add_missing(last_.sequence + 1, sequence - 1);
      is_broken_ = true;  // `previous` cannot fit
    }
    const std::uint64_t before = found_;
    check(sequence, line);
    ++report_.entries;
    if (report_.first == 0) report_.first = sequence;
    report_.last = sequence;
    last_.sequence = sequence;
    last_.link = link_of(line);
    is_broken_ = found_ != before;  // one mistake is one finding
  }
  void end() {
    if (last_.sequence < head_.sequence) {
      add_missing(last_.sequence + 1, head_.sequence);
    } else if (last_.sequence > head_.sequence) {
      find(head_.sequence + 1, "is behind the end of the log: it was put in");
    } else if (last_.sequence > 0 && !is_broken_ && last_.link != head_.link) {
      find(last_.sequence, "is not what was written");
    }
    if (head_.sequence > 0) check_place(head_, kAuditHead, "the end of the log");
    add_unknown();
  }
  // `links`: of the entries that witnesses name, as far as they are there.
  void compare(const AuditWitnessText& text, const std::optional<AuditWitness>& witness,
               const std::map<std::uint64_t, AuditDigest>& links) {
    const auto say = [&](std::uint64_t sequence, std::string_view what) {
      find_text(sequence, fmt::format("{}: {}", text.where, what));
    };
    if (!witness) return say(0, "what it keeps of the audit log was changed");
    if (witness->signature == AuditSignature::kBad)
      return say(0, "what it keeps of the audit log was changed, or signed without the key");
    if (witness->signature == AuditSignature::kNone && !keys_.empty()) return;
    ++report_.witnesses;
    const std::uint64_t sequence = witness->place.sequence;
    if (sequence > last_.sequence) {
      return say(last_.sequence + 1,
                 fmt::format("the log had {} entries then, and has {}: it was truncated, or is an "
                             "older copy",
                             sequence, last_.sequence));
    }
    const auto found = links.find(sequence);
    if (found != links.end() && found->second != witness->place.link)
      say(sequence, fmt::format("entry {} was another one then", sequence));
  }
  AuditReport take() {
    for (AuditFinding& finding : report_.findings) {
      finding.is_accepted =
          accepted_up_to_ > 0 && finding.sequence < accepted_up_to_ && finding.sequence > 0;
    }
    report_.are_more_accepted = last_of_more_ < accepted_up_to_;
    std::ranges::stable_sort(report_.findings, {}, &AuditFinding::sequence);
    return std::move(report_);
  }
  AuditReport& report() { return report_; }

 private:
  void find_text(std::uint64_t sequence, std::string message) {
    ++found_;
    if (report_.findings.size() < findings_max_) {
      report_.findings.push_back({sequence, std::move(message), false});
    } else {
      ++report_.more;
      last_of_more_ = std::max(last_of_more_, sequence == 0 ? UINT64_MAX : sequence);
    }
  }
  void find(std::uint64_t sequence, std::string_view what) {
    find_text(sequence,
              sequence == 0 ? std::string(what) : fmt::format("entry {} {}", sequence, what));
  }
  void add_missing(std::uint64_t first, std::uint64_t last) {
    find_text(first, first == last ? fmt::format("entry {} is missing", first)
                                   : fmt::format("entries {} to {} are missing", first, last));
  }
  // Whoever has no key may name any: what is signed with one that is not given is no better than
  // what is not signed. Entries one after the other are one finding.
  void note_unknown(std::uint64_t sequence, const std::string& key) {
    if (keys_.empty()) return;
    if (unknown_.key == key && unknown_.last + 1 == sequence) {
      unknown_.last = sequence;
      return;
    }
    add_unknown();
    unknown_ = {key, sequence, sequence};
  }
  void add_unknown() {
    if (unknown_.first == 0) return;
    const std::string which =
        unknown_.first == unknown_.last
            ? fmt::format("entry {} is", unknown_.first)
            : fmt::format("entries {} to {} are", unknown_.first, unknown_.last);
    find_text(unknown_.last,
              fmt::format("{} signed with the key {}, which is not given", which, unknown_.key));
    unknown_ = {};
  }
  void check_place(const AuditPlace& place, std::string_view name, std::string_view what) {
    if (keys_.empty()) return;
    const AuditSignature signature = signature_of(place, name, keys_);
    if (signature == AuditSignature::kNone) {
      find(0, fmt::format("{} is not signed: it was written without the key", what));
    } else if (signature == AuditSignature::kBad) {
      find(0, fmt::format("{} was changed, or signed without the key", what));
    } else if (signature == AuditSignature::kUnknownKey) {
      find(0, fmt::format("{} is signed with the key {}, which is not given", what, place.key));
    }
  }
  void check(std::uint64_t sequence, std::string_view line) {
    const ordered_json entry = ordered_json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("sequence"))
      return find(sequence, "is not what was written");
    const EntrySignature signature = signature_of(line, keys_);
    ++report_.keys[signature.key];
    if (entry["sequence"] != sequence) {
      return find(sequence, fmt::format("is one that was written as entry {}: it was moved here",
                                        entry["sequence"].dump()));
    }
    if (!check_signature(sequence, signature)) return;
    if (!is_broken_ && entry.value("previous", "") != cep::hex(last_.link)) {
      return find(sequence,
                  "does not follow the entry before it: one of the two was changed, or entries "
                  "between them were taken out");
    }
    if (signature.state == AuditSignature::kGood && entry.value("action", "") == kAcceptAudit)
      accepted_up_to_ = sequence;
  }
  bool check_signature(std::uint64_t sequence, const EntrySignature& signature) {
    switch (signature.state) {
      case AuditSignature::kGood:
        is_signed_ = true;
        return true;
      case AuditSignature::kNone:
        if (!is_signed_) return true;
        find(sequence, "is not signed, though entries before it are");
        return false;
      case AuditSignature::kUnknownKey:
        is_signed_ = true;
        ++report_.unchecked;
        note_unknown(sequence, signature.key);
        return true;
      case AuditSignature::kBad:
        is_signed_ = true;
        find(sequence, "was changed, or written without the key");
        return false;
    }
    return true;
  }

  const SecretKeys& keys_;
  const std::size_t findings_max_;
  AuditPlace anchor_, head_, last_;
  std::uint64_t found_ = 0;
  std::uint64_t last_of_more_ = 0;  // sequence of findings that are not kept
  bool is_broken_ = false;
  bool is_signed_ = false;  // from some entry on
  std::uint64_t accepted_up_to_ = 0;
  struct Unknown {
    std::string key = {};
    std::uint64_t first = 0, last = 0;  // 0: none
  };
  Unknown unknown_;
  AuditReport report_;
};
}  // namespace

bool AuditReport::is_good() const {
  return std::ranges::all_of(findings, &AuditFinding::is_accepted) &&
         (more == 0 || are_more_accepted);
}

namespace {
constexpr std::size_t kFindingsMax = 100;

// Without `may_go_on` nobody writes meanwhile, and all that is there counts. Else what was removed
// before the scan began is missing in it, and the anchor that is read then is behind that.
Result<AuditReport> verify(const runtime::StoreReader& store, const SecretKeys& keys,
                           const std::vector<AuditWitnessText>& witnesses, std::size_t findings_max,
                           const std::function<bool()>& may_go_on) {
  const bool is_growing = static_cast<bool>(may_go_on);
  const Result<AuditPlace> before = read_place(store, kAuditAnchor);
  if (!before) return tl::unexpected(before.error());
  const Result<AuditPlace> head = read_place(store, kAuditHead);
  if (!head) return tl::unexpected(head.error());
  std::vector<std::optional<AuditWitness>> read;
  std::map<std::uint64_t, AuditDigest> links;
  for (const AuditWitnessText& witness : witnesses) {
    read.push_back(read_witness(witness.text, keys));
    if (read.back()) links[read.back()->place.sequence];
  }
  Verification verification(keys, findings_max);
  Result<AuditPlace> anchor = before;
  bool has_begun = false;
  const auto begin = [&] {
    if (std::exchange(has_begun, true)) return;
    if (is_growing) anchor = read_place(store, kAuditAnchor);
    if (anchor) verification.begin(*anchor, *head);
  };
  bool is_stopped = false;
  std::map<std::uint64_t, AuditDigest> found;
  const std::string end = is_growing ? audit_entry_key(head->sequence + 1) : "f";
  Result<void> scanned =
      store.scan(runtime::kAuditFamily, {.begin = "e", .end = end},
                 [&](std::string_view key, std::string_view line) {
                   is_stopped = is_growing && !may_go_on();
                   begin();
                   if (is_stopped || !anchor) return false;
                   const std::uint64_t sequence = runtime::read_key_u64(key.substr(1));
                   // Removed since the scan began.
                   if (sequence > before->sequence && sequence <= anchor->sequence) return true;
                   if (links.contains(sequence)) found[sequence] = link_of(line);
                   verification.add(sequence, line);
                   return true;
                 });
  begin();
  if (!scanned) return tl::unexpected(scanned.error());
  if (!anchor) return tl::unexpected(anchor.error());
  if (is_stopped) return fail(Errc::kStopped, "asked to stop");
  // All up to the end that it had was removed.
  if (is_growing && anchor->sequence > head->sequence) return AuditReport();
  verification.end();
  for (std::size_t i = 0; i < witnesses.size(); ++i)
    verification.compare(witnesses[i], read[i], found);
  scanned = store.scan(runtime::kAuditFamily, runtime::StoreRange::of_prefix("p"),
                       [&](std::string_view, std::string_view) {
                         ++verification.report().under_way;
                         return true;
                       });
  if (!scanned) return tl::unexpected(scanned.error());
  return verification.take();
}

Result<std::uint64_t> checked(const Result<AuditReport>& report) {
  if (!report) return tl::unexpected(report.error());
  const auto finding = std::ranges::find_if_not(report->findings, &AuditFinding::is_accepted);
  if (report->is_good()) return report->entries;
  if (finding == report->findings.end())
    return fail(Errc::kCorrupt, "the audit log is damaged: it has more findings than are kept");
  return fail(Errc::kCorrupt, "the audit log is damaged: " + finding->message);
}
}  // namespace

Result<AuditReport> verify_audit(const runtime::StoreReader& store, const SecretKeys& keys,
                                 const std::vector<AuditWitnessText>& witnesses,
                                 std::size_t findings_max) {
  return verify(store, keys, witnesses, findings_max, {});
}

Result<std::uint64_t> check_audit(const runtime::StoreReader& store, const SecretKeys& keys) {
  return checked(verify(store, keys, {}, kFindingsMax, {}));
}

Result<std::uint64_t> check_growing_audit(const runtime::StoreReader& store, const SecretKeys& keys,
                                          const std::function<bool()>& may_go_on) {
  return checked(verify(store, keys, {}, kFindingsMax, may_go_on));
}
}  // namespace tocsin::api

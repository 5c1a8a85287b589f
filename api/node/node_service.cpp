#include "api/node/node_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/node/node_ticket.h"
#include "cep/base/assert.h"
#include "runtime/decode/decoder.h"
#include "runtime/io/background_thread.h"
#include "runtime/io/topic_partition.h"
#include "runtime/node/node_source.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
// How long the thread waits at most for something to do before it looks after the node.
constexpr milliseconds kPause{50};
// The same while a checkpoint is being written, which goes on in chunks.
constexpr milliseconds kPauseOfCheckpoint{1};
constexpr milliseconds kPublicationInterval{250};

// Behind the first `count` lines.
std::size_t offset_behind(std::string_view lines, std::uint64_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) at = lines.find('\n', at) + 1;
  return at;
}

// Those that are active: the others hold nobody back.
std::vector<SourceFigures> source_figures(const runtime::Intake& intake) {
  cep::EventTime furthest = cep::kEventTimeMin;
  for (std::size_t i = 0; i < intake.source_count(); ++i)
    furthest = std::max(furthest, intake.watermark_of(i));
  std::vector<SourceFigures> figures;
  for (std::size_t i = 0; i < intake.source_count(); ++i) {
    const runtime::SourceStatus status = intake.status(i);
    if (status.state != runtime::SourceState::kActive) continue;
    SourceFigures one{std::string(status.name), intake.holder() == i, {}, status.events};
    if (status.watermark != cep::kEventTimeMin) one.behind = furthest - status.watermark;
    figures.push_back(std::move(one));
  }
  return figures;
}

void order(std::vector<EventVerdict>& verdicts) {
  std::ranges::stable_sort(verdicts, {}, &EventVerdict::place);
  // What was said last of an event counts: one that was clamped may be a duplicate.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (i + 1 < verdicts.size() && verdicts[i + 1].place == verdicts[i].place) continue;
    if (kept != i) verdicts[kept] = std::move(verdicts[i]);
    ++kept;
  }
  verdicts.resize(kept);
}
}  // namespace

NodeService::NodeService(runtime::Clock& clock, NodeServiceOptions options)
    : clock_(clock),
      options_(std::move(options)),
      patience_(std::make_unique<TicketClock>()),
      disk_(options_.space_changed),
      keeper_(clock, {options_.heartbeat, options_.topics ? options_.idle_after : std::nullopt}),
      producers_(clock, options_.limits.producers_max, options_.producers_expire) {
  if (options_.topics) topics_.emplace(*options_.topics);
  if (options_.alert_topics) alert_topics_.emplace(*options_.alert_topics);
}

NodeService::~NodeService() {
  static_cast<void>(stop(false));
  topics_.reset();
  alert_topics_.reset();
  node_.reset();  // the threads of both tell this service
}

void NodeService::add_effects_listener(runtime::EffectQueue::Listener listener) {
  effects_listeners_.push_back(std::move(listener));
}

void NodeService::listen(runtime::NodeOptions& options) {
  options.journal_listener = [this](const runtime::JournalStatus& status) {
    disk_.journal_changed(status);
  };
  options.effects_listener = [this](const runtime::EffectQueueStatus& status) {
    disk_.effects_changed(status);
    for (const runtime::EffectQueue::Listener& listener : effects_listeners_) listener(status);
  };
  options.side_output.judged = [this](const runtime::JudgedLine& line) { judged(line); };
  options.raised = [this](const runtime::StoredAlert& alert) { raised(alert); };
}

Result<void> NodeService::start(std::unique_ptr<runtime::Node> node) {
  TOCSIN_ASSERT(node_ == nullptr, "a service has one node");
  node_ = std::move(node);
  producers_.use(*node_);
  disk_.begin(node_->durable_end());
  if (auto prepared = prepare(); !prepared) return prepared;
  checkpoint_ = node_->checkpoints().number;
  checkpoint_at_ = checkpoint_ == 0 ? clock_.now() : node_->recovery().checkpoint_taken_at;
  publish();
  {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
  }
  patience_->start();
  thread_ = std::thread([this] { work(); });
  return {};
}

// The lines that are pushed are one source; others, of earlier runs, must not hold back its time.
Result<void> NodeService::prepare() {
  const Result<std::size_t> source = node_->source(runtime::kPushed, runtime::SourceKind::kByValue);
  if (!source) return tl::unexpected(source.error());
  in_keeper_ = keeper_.source(runtime::kPushed);
  std::vector<std::string> others;
  for (const runtime::NodeSource& known : node_->sources()) {
    const std::optional<std::size_t> in_intake = node_->intake().find(known.name);
    if (!in_intake || known.name == runtime::kPushed || known.has_ended) continue;
    if (topics_ && runtime::is_partition(known.name)) continue;  // they are looked after below
    if (node_->intake().status(*in_intake).state != runtime::SourceState::kActive) continue;
    others.push_back(known.name);
  }
  for (const std::string& name : others) {
    auto idle = node_->decide({runtime::DecisionKind::kIdle, clock_.now(), name});
    if (!idle) return idle;
  }
  return open_topics();
}

Result<void> NodeService::stop(bool with_checkpoint) {
  if (!thread_.joinable()) return outcome_;
  {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    is_ending_ = true;
    with_checkpoint_ = with_checkpoint;
  }
  work_.notify_all();
  thread_.join();
  return outcome_;
}

// --- the node's thread ---------------------------------------------------------------------------

void NodeService::work() {
  runtime::begin_background_thread("engine");
  Result<void> result;
  bool has_read = false;  // messages of topics, and there may be more
  for (;;) {
    std::shared_ptr<Ticket> batch;
    std::shared_ptr<Question> question;
    bool is_over = false;
    bool is_quiet = false;
    milliseconds pause =
        node_->checkpoints().is_under_way || !pursuits_.empty() ? kPauseOfCheckpoint : kPause;
    if (node_->is_preparing() && !node_->is_prepared()) pause = milliseconds(0);
    {
      std::unique_lock lock(mutex_);
      if (const std::optional<cep::Duration> due = keeper_.next_due()) {
        pause = std::min(std::max(milliseconds(due->us / 1000 + 1), milliseconds(1)), pause);
      }
      work_.wait_for(lock, has_read ? milliseconds(0) : pause, [&] {
        return !batches_.empty() || !questions_.empty() || is_ending_ || have_topics_arrived_;
      });
      have_topics_arrived_ = false;
      if (!questions_.empty()) {
        question = std::move(questions_.front());
        questions_.pop_front();
      } else if (!batches_.empty()) {
        batch = std::move(batches_.front());
        batches_.pop_front();
        queued_bytes_ -= batch->batch.lines.size();
      } else {
        is_over = is_ending_;
      }
      is_quiet = !batch && batches_.empty();
    }
    const bool is_taking = has_room(batch != nullptr);
    // What is refused does not hold time up: as it goes on, state ends and memory has room again.
    if (!is_taking) is_quiet = true;
    if (is_over) break;
    if (question) {
      bool is_wanted = false;
      {
        const std::lock_guard lock(question->mutex);
        is_wanted = question->is_begun = !question->is_called_off;
      }
      question->changed.notify_all();
      if (is_wanted) question->run(*node_);
      {
        const std::lock_guard lock(question->mutex);
        question->is_done = true;
      }
      question->changed.notify_all();
    }
    if (batch && !is_taking) {
      batch->refuse({Refusal::Why::kMemory, no_room_});
    } else if (batch) {
      result = take_now(batch);
    }
    if (result) {
      const Result<bool> read = read_topics(is_taking);
      has_read = read && *read;
      if (!read) result = tl::unexpected(read.error());
    }
    if (result) result = look_around(is_quiet);
    if (!result) break;
  }
  if (result) result = end();
  if (!result) fail_all(result.error().message);
  outcome_ = result;
}

Result<void> NodeService::end() {
  end_pursuits({Refusal::Why::kEnding, "the server stops"});
  if (with_checkpoint_) {
    if (auto taken = node_->checkpoint(); !taken) return taken;
  }
  auto closed = node_->close();
  if (closed && topics_) topics_->finish();
  if (closed && alert_topics_) alert_topics_->finish();
  look_at_watches();
  publish();
  if (!closed) return closed;
  // All lines are on disk. Alerts of events whose turn has not come are not raised by this process.
  DiskWaits::Tickets left = disk_.fail();
  for (const Watch& watch : watches_) left.push_back(watch.ticket);
  watches_.clear();
  for (const std::shared_ptr<Ticket>& ticket : left)
    ticket->refuse({Refusal::Why::kEnding, "the server stops"});
  return {};
}

// Whether memory has room for a batch; if not, everybody is told why. A batch that there is no room
// for is counted before whoever is told can ask.
bool NodeService::has_room(bool has_batch) {
  const Result<void> room = node_->check_room();
  const std::lock_guard lock(mutex_);
  no_room_ = room ? std::string() : room.error().message;
  if (!room && has_batch) ++batches_refused_;
  return room.has_value();
}

// Where the node fails under the batch, fail_all() answers it, once failure() gives the reason.
Result<void> NodeService::take_now(const std::shared_ptr<Ticket>& ticket) {
  EventBatch& batch = ticket->batch;
  if (const auto awake = keeper_.arrived(in_keeper_)) {
    if (auto decided = node_->decide(*awake); !decided) {
      disk_.add_failed(ticket);
      return decided;
    }
  }
  Result<void> result;
  const Served<std::size_t> source = producers_.source_of(batch, result);
  if (!source) {
    if (result) ticket->refuse(source.error());
    if (!result) disk_.add_failed(ticket);
    return result;
  }
  const std::size_t bytes = batch.lines.size();
  std::size_t begin = 0;
  if (!batch.producer.empty()) {
    const std::uint64_t next = node_->sources()[*source].next_offset;
    ticket->skipped =
        static_cast<std::size_t>(std::min<std::uint64_t>(next - batch.sequence, batch.count));
    begin = offset_behind(batch.lines, ticket->skipped);
    for (std::size_t i = 0; i < ticket->skipped; ++i) {
      ticket->answer.others.push_back({i, EventStatus::kDuplicate, {}, {}});
    }
    repeats_by_sequence_ += ticket->skipped;
  }
  batch.lines.append(runtime::kLinePadding, '\n');
  const std::uint64_t first_record = node_->next_sequence();
  current_ = ticket.get();
  current_records_.clear();
  if (batch.wait_for_alerts) watches_.push_back({ticket, first_record, UINT64_MAX, {}});
  accept_times_.begin(first_record, ticket->accepted_at);
  result = arrive(*ticket, *source, std::string_view(batch.lines).substr(begin, bytes - begin));
  accept_times_.end(node_->next_sequence());
  current_ = nullptr;
  if (!result) {
    disk_.add_failed(ticket);
    return result;
  }
  ++batches_taken_;
  std::string().swap(batch.lines);
  order(ticket->answer.others);
  if (!batch.producer.empty()) {
    ticket->answer.next_sequence = node_->sources()[*source].next_offset;
  }
  if (batch.wait_for_alerts) await_alerts(ticket, first_record);
  ticket->pushed = node_->effects().pushed;
  // Also where nothing was taken: what was taken before may not be on disk yet.
  disk_.answer(ticket, node_->next_sequence() - 1);
  return {};
}

Result<void> NodeService::arrive(Ticket& ticket, std::size_t source, std::string_view lines) {
  std::size_t place = ticket.skipped;
  while (!lines.empty()) {
    const std::uint64_t before = node_->sources()[source].lines.number;
    current_records_.emplace_back(node_->next_sequence(), place);
    const Result<std::size_t> taken =
        node_->arrive(source, lines, nullptr, runtime::traces_from(ticket.batch.traces, place),
                      /*has_room=*/true);
    if (!taken) return tl::unexpected(taken.error());
    lines.remove_prefix(*taken);
    place += static_cast<std::size_t>(node_->sources()[source].lines.number - before);
  }
  return {};
}

void NodeService::judged(const runtime::JudgedLine& line) {
  if (current_ == nullptr) return;
  const auto record = std::ranges::find(current_records_, line.arrival.record,
                                        [](const auto& pair) { return pair.first; });
  if (record == current_records_.end()) return;
  EventVerdict verdict;
  verdict.place = record->second + line.arrival.index;
  verdict.late_by = line.late_by;
  verdict.reason = line.reason;
  switch (line.fate) {
    case runtime::LineFate::kClamped:
      verdict.status = EventStatus::kClamped;
      break;
    case runtime::LineFate::kRepeated:
      verdict.status = EventStatus::kDuplicate;
      break;
    case runtime::LineFate::kLate:
      verdict.status = EventStatus::kLate;
      break;
    case runtime::LineFate::kIgnored:
      verdict.status = EventStatus::kIgnored;
      break;
    case runtime::LineFate::kDead:
      verdict.status = EventStatus::kInvalid;
      break;
  }
  current_->answer.others.push_back(std::move(verdict));
}

void NodeService::raised(const runtime::StoredAlert& alert) {
  const bool is_exceeded = alert.severity == cep::Severity::kHigh && alert.rule == cep::kBudgetRule;
  if (is_exceeded && options_.budget_exceeded) options_.budget_exceeded(alert.line);
  if (!alert.is_live) return;
  // One of a deadline is not of the moment of the event that set it.
  if (alert.order.phase == cep::Phase::kEvent) accept_times_.raised(alert.order.arrival.record);
  for (Watch& watch : watches_) {
    const std::uint64_t record = alert.order.arrival.record;
    if (record < watch.first_record || record > watch.last_record) continue;
    Ticket& ticket = *watch.ticket;
    if (ticket.alert_bytes + alert.line.size() > options_.limits.alerts_bytes_max) {
      ticket.is_cut = true;
      continue;
    }
    ticket.alert_bytes += alert.line.size();
    const std::lock_guard lock(ticket.mutex);
    if (ticket.answered) ticket.answer.alerts.push_back(alert.line);
  }
}

// The batch was taken: its watch goes on until none of its events waits any more.
void NodeService::await_alerts(const std::shared_ptr<Ticket>& ticket, std::uint64_t first_record) {
  Watch& watch = watches_.back();
  TOCSIN_ASSERT(watch.ticket == ticket, "a batch is watched while it is taken");
  watch.last_record = node_->next_sequence() - 1;
  if (watch.last_record < first_record) watch.first_record = UINT64_MAX;  // nothing was taken
  if (const auto source = node_->intake().find(runtime::kPushed)) {
    watch.newest = node_->intake().status(*source).newest;
  }
  look_at_watches();
}

void NodeService::look_at_watches() {
  if (watches_.empty()) return;
  const runtime::Intake& intake = node_->intake();
  const bool is_none_waiting = intake.waiting_events() == 0;
  const std::uint64_t pushed = node_->effects().pushed;
  DiskWaits::Tickets told;
  std::erase_if(watches_, [&](Watch& watch) {
    const bool is_over = is_none_waiting || intake.watermark() > watch.newest;
    const bool is_given_up = watch.ticket->is_over();
    if (is_over) {
      {
        const std::lock_guard lock(watch.ticket->mutex);
        watch.ticket->answer.is_complete = !watch.ticket->is_cut;
      }
      told.push_back(watch.ticket);
    }
    return is_over || is_given_up;
  });
  disk_.answer_alerts(told, pushed);
}

Result<void> NodeService::look_at_clock(bool is_quiet) {
  if (!topics_ && (!is_quiet || !options_.heartbeat)) return {};
  // Before the first event there is no time that could move.
  const auto source = node_->intake().find(runtime::kPushed);
  const bool has_time = source && node_->intake().status(*source).newest != cep::kEventTimeMin;
  if (!topics_ && !has_time) return {};
  if (is_quiet && has_time) keeper_.found_empty(in_keeper_);
  for (const runtime::Decision& decision : keeper_.due()) {
    if (auto decided = node_->decide(decision); !decided) return decided;
  }
  return {};
}

Result<void> NodeService::look_around(bool is_quiet) {
  if (auto looked = look_at_clock(is_quiet); !looked) return looked;
  if (producers_.is_due()) {
    if (auto expired = producers_.expire(); !expired) return expired;
  }
  if (accept_times_.has_raised()) disk_.time_alerts(accept_times_.take(), node_->effects().pushed);
  if (auto polled = node_->poll(); !polled) return polled;
  look_at_watches();
  pursue_all();
  if (auto checked = disk_.check(); !checked) return checked;
  const auto now = steady_clock::now();
  if (now >= next_publication_) {
    next_publication_ = now + kPublicationInterval;
    publish();
  }
  return {};
}

void NodeService::pursue_all() {
  std::erase_if(pursuits_, [&](const std::shared_ptr<Pursuit>& pursuit) {
    if (!pursuit->step(*node_)) return false;
    pursuit->end(std::nullopt);
    return true;
  });
}

void NodeService::note_checkpoint() {
  const std::uint64_t newest = node_->checkpoints().number;
  if (std::exchange(checkpoint_, newest) != newest) checkpoint_at_ = clock_.now();
}

void NodeService::note_archive() {
  const std::string now = node_->checkpoints().archive.failure;
  if (std::exchange(archive_failure_, now) == now || !options_.archive_changed) return;
  options_.archive_changed(now);
}

void NodeService::publish() {
  note_checkpoint();
  note_archive();
  NodeFigures figures;
  figures.checkpoint_at = checkpoint_at_;
  figures.sources = source_figures(node_->intake());
  if (topics_) figures.partitions = topics_->figures();
  if (alert_topics_) {
    for (runtime::PartitionFigures& partition : alert_topics_->figures())
      figures.partitions.push_back(std::move(partition));
  }
  figures.unique_ids = node_->intake().unique().known();
  figures.unique_bytes = node_->intake().unique().bytes();
  figures.program = node_->program();
  figures.summary = node_->summary();
  figures.summary.steps_exceeded = node_->engine().steps_exceeded();
  figures.engine = node_->engine_stats();
  figures.checkpoints = node_->checkpoints();
  figures.effects = node_->effects();
  figures.watermark = node_->intake().watermark();
  figures.waiting_events = node_->intake().waiting_events();
  figures.waiting_bytes = node_->intake().waiting_bytes();
  figures.batches = batches_taken_;
  figures.repeats_by_sequence = repeats_by_sequence_;
  figures.producers =
      static_cast<std::size_t>(std::ranges::count_if(node_->sources(), runtime::is_producer));
  figures.producers_expired = producers_.expired();
  const DiskWaits::Status disk = disk_.status();
  figures.journal = disk.journal;
  figures.answers_waiting = disk.answers_waiting;
  figures.alert_times = disk.alerts;
  figures.journal.next_sequence = node_->next_sequence();
  const std::lock_guard lock(mutex_);
  figures_ = std::move(figures);
}

}  // namespace tocsin::api

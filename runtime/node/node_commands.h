/// The names of the commands that a node's journal carries (runtime/journal/journal_record.h,
/// Command), and what their arguments are.
#pragma once
#include <array>
#include <string_view>

namespace tocsin::runtime {
/// The first record of a timeline: settings (runtime/node/node_settings.h), and the rules' texts as
/// blobs.
inline constexpr std::string_view kBeginCommand = "begin";
/// From here on alerts show something else, and are raised as before: as kBeginCommand.
inline constexpr std::string_view kPresentCommand = "present";
/// From here on other rules hold, and what fits of the state goes on: as kBeginCommand.
inline constexpr std::string_view kDeployCommand = "deploy";
/// A list or table holds other entries from here on (runtime/journal/list_change.h).
inline constexpr std::string_view kListCommand = "list";
/// All inputs have ended: what waits is taken now, and time stands at the newest event. `{}`.
inline constexpr std::string_view kSettleCommand = "settle";
/// Late events or dead letters are taken after all (runtime/node/reinjection.h).
inline constexpr std::string_view kReinjectCommand = "reinject";
/// Producers belong to a token, or are removed (runtime/node/node_source.h).
inline constexpr std::string_view kProducerCommand = "producer";
/// A file of a source is begun that has several, one after the other
/// (runtime/series/series_state.h).
inline constexpr std::string_view kFileCommand = "file";
/// All that is remembered of keys with a value is erased (runtime/archive/erased_value.h, in the
/// command's blob); without a blob it does nothing. `{}`.
inline constexpr std::string_view kEraseCommand = "erase";
/// Time moves on past every deadline; nothing comes after it. `{}`.
inline constexpr std::string_view kEndTimeCommand = "time-end";
/// All of them.
inline constexpr std::array kCommands = {
    kBeginCommand,    kPresentCommand,  kDeployCommand, kListCommand,  kSettleCommand,
    kReinjectCommand, kProducerCommand, kFileCommand,   kEraseCommand, kEndTimeCommand};
}  // namespace tocsin::runtime

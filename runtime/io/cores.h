/// How many cores this process may use, and the name of their machine.
#pragma once
#include <cstdint>
#include <string>

namespace tocsin::runtime {
/// Cores that the scheduler may give it, and no more than its control groups allow (version 1 or
/// 2): 1 or more. A quota of two and a half cores is two.
std::uint32_t available_cores();
/// The quota of the process's control groups, in whole cores; 0 where there is none. `root`: where
/// proc/ and sys/ are, "/" for the machine's.
std::uint32_t cores_of_quota(const std::string& root);
/// The name of this machine; "-" where it has none.
std::string host_name();
}  // namespace tocsin::runtime

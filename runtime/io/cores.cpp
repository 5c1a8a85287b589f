#include "runtime/io/cores.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

namespace tocsin::runtime {
namespace {
std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// In whole cores; 0 for none.
std::uint32_t cores_of(double quota_us, double period_us) {
  if (quota_us <= 0 || period_us <= 0) return 0;
  return static_cast<std::uint32_t>(std::clamp(quota_us / period_us, 1.0, 1e6));
}
// "max 100000" or "150000 100000".
std::uint32_t quota_of_version_2(const std::string& folder) {
  std::istringstream words(text_of(folder + "/cpu.max").value_or(""));
  double quota_us = 0;
  double period_us = 0;
  return words >> quota_us >> period_us ? cores_of(quota_us, period_us) : 0;
}
std::uint32_t quota_of_version_1(const std::string& folder) {
  std::istringstream quota(text_of(folder + "/cpu.cfs_quota_us").value_or(""));
  std::istringstream period(text_of(folder + "/cpu.cfs_period_us").value_or(""));
  double quota_us = 0;
  double period_us = 0;
  return quota >> quota_us && period >> period_us ? cores_of(quota_us, period_us) : 0;
}

std::uint32_t least(std::uint32_t a, std::uint32_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}
// Of a group and all those above it.
template <typename QuotaOf>
std::uint32_t least_of_path(const std::string& mount, std::string group, QuotaOf&& quota_of) {
  std::uint32_t cores = quota_of(mount);
  while (group.size() > 1) {
    cores = least(cores, quota_of(mount + group));
    group.resize(group.rfind('/'));
  }
  return cores;
}

bool has_word(const std::string& words, const std::string& word) {
  std::istringstream all(words);
  for (std::string next; std::getline(all, next, ',');) {
    if (next == word) return true;
  }
  return false;
}
}  // namespace

std::uint32_t cores_of_quota(const std::string& root) {
  const std::string mounts = root + "/sys/fs/cgroup";
  std::uint32_t cores = 0;
  std::istringstream groups(text_of(root + "/proc/self/cgroup").value_or(""));
  // "0::/a/b" for version 2, "4:cpu,cpuacct:/a/b" for version 1.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (!group.starts_with('/')) continue;
    if (controllers.empty()) {
      cores = least(cores, least_of_path(mounts, group, quota_of_version_2));
    } else if (has_word(controllers, "cpu")) {
      for (const std::string& name : {controllers, std::string("cpu")}) {
        cores = least(cores, least_of_path(mounts + "/" + name, group, quota_of_version_1));
      }
    }
  }
  return cores;
}

std::uint32_t available_cores() {
  std::uint32_t cores = 0;
  // A machine may have more cores than a set of the usual size.
  for (std::size_t most = 1024; cores == 0 && most <= 65'536; most *= 4) {
    cpu_set_t* const set = CPU_ALLOC(most);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(most);
    const bool is_known = sched_getaffinity(0, bytes, set) == 0;
    if (is_known) cores = static_cast<std::uint32_t>(CPU_COUNT_S(bytes, set));
    const bool is_too_small = !is_known && errno == EINVAL;
    CPU_FREE(set);
    if (!is_known && !is_too_small) break;
  }
  if (cores == 0) cores = std::thread::hardware_concurrency();
  return std::max(least(cores, cores_of_quota("")), std::uint32_t{1});
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "-";
  return name.data();
}
}  // namespace tocsin::runtime

// SPDX-License-Identifier: Apache-2.0
// Several processes: c10d's key-value store, and collectives of its Gloo backend. Who may join, and what a broken collective
// means, is decided in Swift.
#define USE_C10D_GLOO 1
#include <c10/util/Logging.h>
#include <netdb.h>
#include <sys/socket.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <thread>

#include "common.hpp"

using namespace ct;
using std::chrono::milliseconds;

struct ct_store_s {
  c10::intrusive_ptr<c10d::TCPStore> store;
  milliseconds patience;
  bool isLost = false;
};
struct ct_group_s {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};
struct ct_work_s {
  c10::intrusive_ptr<c10d::Work> work;
};

namespace {
/// Runs body with an end: c10d's client waits for ever where it meets another kind of server. What body uses must be its
/// own, since it may go on after the limit.
template <class F> void within(milliseconds limit, const std::string &otherwise, F body) {
  auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  std::thread([done, body] {
    try {
      body();
      done->set_value();
    } catch (...) {
      done->set_exception(std::current_exception());
    }
  }).detach();
  TORCH_CHECK(future.wait_for(limit) == std::future_status::ready, otherwise);
  future.get();
}

/// What the store answers. Where it can be reached it does so at once; where a cable has been pulled c10d's client waits for
/// ever, with a lock that the next question would wait for as well.
template <class F> auto asked(ct_store s, F question) {
  constexpr auto lost = "the store of the run does not answer";
  TORCH_CHECK(!s->isLost, lost);
  struct Outcome {
    decltype(question(*s->store)) answer{};
    std::exception_ptr error;  // what c10d says of a store that has ended: it may be asked again
  };
  auto outcome = std::make_shared<Outcome>();
  s->isLost = true;
  within(s->patience, lost, [outcome, question, store = s->store] {
    try {
      outcome->answer = question(*store);
    } catch (...) {
      outcome->error = std::current_exception();
    }
  });
  s->isLost = false;
  if (outcome->error) std::rethrow_exception(outcome->error);
  return outcome->answer;
}

/// This machine's address on the way to `host`, which peers can reach. Its name will not do: Debian's /etc/hosts maps it to
/// 127.0.1.1, the usual reason why groups over several machines hang.
std::string addressTowards(const char *host, uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &found) || !found) return "";
  std::string result;
  for (auto *way = found; way && result.empty(); way = way->ai_next) {
    int s = socket(way->ai_family, SOCK_DGRAM, 0);
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST];
    if (s >= 0 && !connect(s, way->ai_addr, way->ai_addrlen) &&  // sends nothing, asks the table of routes
        !getsockname(s, reinterpret_cast<sockaddr *>(&own), &length) &&
        !getnameinfo(reinterpret_cast<sockaddr *>(&own), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST))
      result = text;
    if (s >= 0) close(s);
  }
  freeaddrinfo(found);
  return result;
}

std::shared_ptr<gloo::transport::Device> device(const char *host, uint16_t port) {
  using c10d::ProcessGroupGloo;
  if (const char *interface = getenv("GLOO_SOCKET_IFNAME")) return ProcessGroupGloo::createDeviceForInterface(interface);
  auto address = addressTowards(host, port);
  return address.empty() ? ProcessGroupGloo::createDefaultDevice() : ProcessGroupGloo::createDeviceForHostname(address);
}
}  // namespace

extern "C" {
// Not guard(): what a failed process has to say goes through the store.
int ct_store_open(const char *host, uint16_t port, bool serves, int64_t limit_ms, ct_store *out) {
  return caught([&] {
    FLAGS_caffe2_log_level = 3;  // c10d tells stderr of every attempt, with C++ stacks; our errors say it in a line
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = milliseconds(std::max<int64_t>(limit_ms / 3, 1));  // it tries again after up to as long
    auto made = std::make_shared<c10::intrusive_ptr<c10d::TCPStore>>();
    within(milliseconds(limit_ms), "no store of a run answers there",
           [made, options, host = std::string(host)] { *made = c10::make_intrusive<c10d::TCPStore>(host, options); });
    *out = new ct_store_s{*made, std::clamp(milliseconds(limit_ms), milliseconds(5'000), milliseconds(30'000))};
  });
}
uint16_t ct_store_port(ct_store s) { return s->store->getPort(); }
void ct_store_close(ct_store s) { delete s; }

int ct_store_set(ct_store s, const char *key, const void *bytes, size_t n) {
  return caught([&] {
    auto *from = static_cast<const uint8_t *>(bytes);
    asked(s, [key = std::string(key), value = std::vector<uint8_t>(from, from + n)](c10d::TCPStore &store) {
      store.set(key, value);
      return true;
    });
  });
}
int ct_store_has(ct_store s, const char *key, bool *out) {
  return caught(
      [&] { *out = asked(s, [key = std::string(key)](c10d::TCPStore &store) { return store.check({key}); }); });
}
int ct_store_get(ct_store s, const char *key, int64_t limit_ms, void **bytes, size_t *n) {
  return caught([&] {
    s->store->wait({key}, milliseconds(limit_ms));
    auto found = asked(s, [key = std::string(key)](c10d::TCPStore &store) { return store.get(key); });
    *n = found.size();
    *bytes = malloc(found.size() + 1);
    TORCH_CHECK(*bytes, "out of memory");
    memcpy(*bytes, found.data(), found.size());
  });
}
int ct_store_add(ct_store s, const char *key, int64_t amount, int64_t *out) {
  return caught(
      [&] { *out = asked(s, [key = std::string(key), amount](c10d::TCPStore &store) { return store.add(key, amount); }); });
}

int ct_group_make(ct_store s, const char *prefix, int rank, int size, int64_t join_ms, int64_t limit_ms, ct_group *out) {
  return caught([&] {
    auto store = c10::make_intrusive<c10d::PrefixStore>(prefix, s->store);
    // Until all are connected the limit of joining holds, afterwards that of a collective.
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(join_ms));
    options->devices.push_back(device(s->store->getHost().c_str(), s->store->getPort()));
    auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
    gloo->setTimeout(milliseconds(limit_ms));
    *out = new ct_group_s{gloo};
  });
}
void ct_group_free(ct_group g) { delete g; }

int ct_group_sum(ct_group g, ct_tensor t, ct_work *out) {
  return guard([&] {
    std::vector<at::Tensor> tensors{ref(t).detach()};
    *out = new ct_work_s{g->gloo->allreduce(tensors)};
  });
}
int ct_group_broadcast(ct_group g, ct_tensor t, int root, ct_work *out) {
  return guard([&] {
    std::vector<at::Tensor> tensors{ref(t).detach()};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    *out = new ct_work_s{g->gloo->broadcast(tensors, options)};
  });
}
int ct_group_gather(ct_group g, ct_tensor own, ct_tensor all, ct_work *out) {
  return guard([&] {
    auto to = ref(all).detach().view(-1), from = ref(own).detach().view(-1);  // or it compares shapes
    *out = new ct_work_s{g->gloo->_allgather_base(to, from)};
  });
}
int ct_group_exchange(ct_group g, ct_tensor parts, ct_tensor received, ct_work *out) {
  return guard([&] {
    auto to = ref(received).detach().view(-1), from = ref(parts).detach().view(-1);
    std::vector<int64_t> equal;
    *out = new ct_work_s{g->gloo->alltoall_base(to, from, equal, equal)};
  });
}
int ct_work_wait(ct_work w) {
  return guard([&] { TORCH_CHECK(w->work->wait(), "the collective was aborted"); });
}
void ct_work_free(ct_work w) { delete w; }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing
import Torch

/// Processes, each a thread with sockets of its own: collectives, and what is said when one does not come.
@Suite(.serialized, .enabled(if: allowsRanksAsThreads, "scripts/test.sh runs these in a process of their own"))
struct ProcessGroupTests {
  @Test(arguments: [1, 2, 3, 4]) func collectives(count: Int) throws {
    let results = try inProcesses(count) { group in
      let rank = Double(group.rank)
      let sum = Tensor([rank + 1, 10 * rank]), bits = Tensor((0..<1000).map { Float($0) * 0.1 + Float(group.rank) / 3 })
      try group.sum(sum)
      try group.sum(bits)
      let half = Tensor([rank + 0.5]).to(.bfloat16), codes = Tensor([UInt8(group.rank), 7])
      for tensor in [half, codes] { try group.broadcast(tensor, from: count - 1) }
      return (
        sum: sum.array(of: Double.self), bits: bits.array(of: Float.self), half: half.item(),
        codes: codes.array(of: UInt8.self), numbers: try group.gather([rank, -rank]),
        texts: try group.gather(String(repeating: "é", count: group.rank))
      )
    }.map { try $0.get() }
    let total = Double(count * (count - 1) / 2), sums = [total + Double(count), 10 * total]
    let numbers = (0..<count).map { [Double($0), -Double($0)] }
    let texts = (0..<count).map { String(repeating: "é", count: $0) }
    for result in results {
      #expect(result.sum == sums)
      #expect(result.bits == results[0].bits)
      #expect(result.half == Double(count) - 0.5)
      #expect(result.codes == [UInt8(count - 1), 7])
      #expect(result.numbers == numbers)
      #expect(result.texts == texts)
    }
  }

  /// Each gives every other a part; and all parts come together again, in memory that has one's own already.
  @Test(arguments: [1, 2, 3, 4]) func sharesAreExchangedAndGathered(count: Int) throws {
    let results = try inProcesses(count) { group in
      let parts = Tensor((0..<count).flatMap { to in [Float(10 * group.rank + to), 0.5] }).view([count, 2])
      let received = Tensor.zeros([count, 2])
      try group.beginExchange(parts, into: received).wait()
      let all = Tensor.zeros([3 * count]), own = all.narrow(0, 3 * group.rank, 3)
      own.copy_(Tensor([Float(group.rank), 1, 2]))
      try group.beginGather(own, into: all).wait()
      return (received: received.array(of: Float.self), all: all.array(of: Float.self))
    }.map { try $0.get() }
    for (rank, result) in results.enumerated() {
      #expect(result.received == (0..<count).flatMap { [Float(10 * $0 + rank), 0.5] })
      #expect(result.all == (0..<count).flatMap { [Float($0), 1, 2] })
    }
  }

  /// Several sums under way at once, waited for in the end.
  @Test func sumsOverlap() throws {
    let results = try inProcesses(3) { group in
      let tensors = (0..<5).map { Tensor.zeros([1 << $0]) + Double(group.rank + $0) }
      let pending = try tensors.map { try group.beginSum($0) }
      for sum in pending { try sum.wait() }
      return tensors.map { $0.select(0, 0).item() }
    }.map { try $0.get() }
    for result in results { #expect(result == [3, 6, 9, 12, 15]) }
  }

  @Test func theFirstThatDiffersIsNamed() throws {
    let words = try inProcesses(3) { group in
      try group.agree(
        on: [("seed", "1"), ("data", group.rank == 1 ? "b" : "a"), ("model", group.rank == 2 ? "n" : "m")],
        remedy: "Look.")
    }.map(failure)
    for text in words { #expect(text == "process 1 has another data than process 0: b instead of a. Look.") }
    let extra = try inProcesses(2) { group in
      try group.agree(on: [("seed", "1")] + (group.rank == 1 ? [("more", "2")] : []), remedy: "")
    }.map(failure)
    #expect(extra.allSatisfy { $0.hasPrefix("process 1 has another more than process 0: 2 instead of none.") })
  }

  /// What one process fails with is what all end with, and one alone is to say it.
  @Test func aFailureIsEverybodys() throws {
    struct Flood: Error, CustomStringConvertible { let description = "the cellar is full of water" }
    let words = try inProcesses(3) { group in
      if group.rank == 1 { throw Flood() }
      try group.sum(Tensor([1.0]))
    }.map(failure)
    #expect(words[1] == "the cellar is full of water")
    #expect(words[0] == "process 1: the cellar is full of water")
    #expect(words[2] == words[0])
  }

  @Test func whoDoesNotComeIsNamed() throws {
    let words = try inProcesses(3, limit: .seconds(1)) { group in
      if group.rank == 2 {
        sleep(4)
        return
      }
      try group.sum(Tensor([1.0]))
    }.map(failure)
    #expect(words[0].hasPrefix("process 2 did not answer for 1 s"))
    #expect(words[1] == words[0])
  }

  @Test func joining() throws {
    func join(_ ranks: [(rank: Int, size: Int, words: String)], _ limit: Duration) throws -> [String] {
      let store = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(20))
      return try inThreads(ranks.count) { [port = store.port] index in
        let (rank, size, words) = ranks[index]
        let place = ProcessPlace(
          rank: rank, size: size, localRank: 0, host: "127.0.0.1", port: port, isStoreElsewhere: true)
        let group = try ProcessGroup(place, introduction: words, joining: limit, limit: limit)
        group.leave()
      }.map(failure)
    }
    let other = try join([(0, 2, "dist2 1"), (1, 2, "dist2 2")], .seconds(10))
    #expect(other.allSatisfy { $0 == "process 1 has 2 processes, dist2 2; process 0 has 2 processes, dist2 1." })
    let sizes = try join([(0, 2, "v"), (1, 3, "v")], .seconds(10))
    #expect(sizes.allSatisfy { $0.hasPrefix("process 1 has 3 processes") })
    let missing = try join([(0, 4, "v"), (2, 4, "v")], .seconds(2))
    #expect(missing.allSatisfy { $0 == "of 4 processes process 1, process 3 did not come within 1 s." })
    let alone = try join([(1, 2, "v")], .seconds(1))
    #expect(alone[0].hasPrefix("process 0 did not answer process 1 within 1 s"))
  }

  /// A store that others left their keys in, as torchrun's is after a restart.
  @Test func aStoreMayBeUsedAgain() throws {
    let store = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(20))
    for life in 0..<3 {
      let sums = try inThreads(2) { [port = store.port] rank in
        let place = ProcessPlace(
          rank: rank, size: 2, localRank: rank, host: "127.0.0.1", port: port, isStoreElsewhere: true)
        let group = try ProcessGroup(place, introduction: "life \(life)", limit: .seconds(20))
        let sum = Tensor([Double(life)])
        try group.sum(sum)
        group.leave()
        return sum.item()
      }.map { try $0.get() }
      #expect(sums == [2 * Double(life), 2 * Double(life)])
    }
  }

  @Test func portsThatAreTaken() throws {
    let store = try ProcessStore(host: "127.0.0.1", port: 0, serves: true, limit: .seconds(20))
    let place = ProcessPlace(rank: 0, size: 2, localRank: 0, host: "127.0.0.1", port: store.port)
    let error = #expect(throws: ProcessFailure.self) {
      try ProcessGroup(place, introduction: "", joining: .seconds(2))
    }
    #expect(error?.description.contains("another program has the port") == true)
  }

  /// A hook sees the whole gradient, once in each backward, also where it is written in place.
  @Test func hooksSeeWholeGradients() throws {
    let table = Tensor.randn([5, 3]).requiresGrad(true), scale = Tensor.randn([3]).requiresGrad(true)
    let ids = Tensor([Int64(1), 4, 1])
    final class Seen {
      var sums = [Double]()
    }
    let seen = Seen(), small = Seen(), buffers = GradientBuffers()
    let memory = Tensor.zeros([40]), place = memory.narrow(0, 16, 15).view([5, 3])
    buffers.bind(table, to: place)
    let hooks = [
      GradientHook(table) { seen.sums.append(table.grad?.sum().item() ?? .nan) },
      GradientHook(scale) { small.sums.append(scale.grad?.sum().item() ?? .nan) },
    ]
    for pass in 1...3 {
      // The table is used twice, as embedding and as head.
      withGradientsInPlace(buffers) { (table.embedding(ids) * scale).linear(table).sum().backward() }
      let whole = try #require(table.grad)
      #expect(seen.sums.count == pass)
      #expect(seen.sums.last == whole.sum().item())
      #expect(small.sums.last == scale.grad?.sum().item())
      #expect(difference(whole, place) == 0)
    }
    withExtendedLifetime(hooks) {}
  }
}

private func failure<T>(_ result: Result<T, any Error>) -> String {
  if case .failure(let error) = result { "\(error)" } else { "no error" }
}

// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// What becomes of the code after an operation that failed inside `withTorchErrors`.
@Suite struct FailureTests {
  /// Whatever a body reads of a stand-in, no size or value of it stops the process, and the first message is thrown.
  @Test func standInsCanBeLookedAt() throws {
    var seen: Seen?
    let error = #expect(throws: TorchError.self) { try withTorchErrors { seen = try Seen() } }
    #expect(error?.description.contains("mat1 and mat2") == true)
    #expect(seen?.isStandIn == true)
    #expect(seen?.sizes == [1, 1, 1, 1, 4])
    #expect(seen?.bytes == 0)
    #expect(seen?.others == 0)
    #expect(seen?.couldBeRead == false)
    let after = try withTorchErrors { try Tensor.ones([2]).values(of: Double.self) }
    #expect(after == [1, 1])
  }

  /// What a product that cannot be made looks like inside the scope.
  private struct Seen {
    let isStandIn: Bool, sizes: [Int], bytes: Int, couldBeRead: Bool
    /// Tensors made afterwards: nothing is computed any more, so nothing else is reserved or changed.
    let others: Int

    init() throws {
      let bad = Tensor.ones([2, 3]).mm(.ones([2, 3]))
      isStandIn = bad.handle == nil && Torch.hasFailed && bad.array(of: Float.self).isEmpty && bad.item() == 0
      sizes = [bad.shape[3], bad.size(-1), bad.size(7), bad.count, bad.dimensions]
      torchPrecondition(bad.size(0) == 17, "never reached")
      bytes = bad.withUnsafeMutableBytes { $0.count }
      let made = [Tensor.ones([2]), Tensor([1, 2, 3] as [Float], shape: bad.shape)]
      others = made.filter { $0.handle != nil }.count
      couldBeRead = (try? bad.values(of: Double.self)) != nil
    }
  }

  /// The call that a test chooses fails, whatever it is, and the scope says so.
  @Test func anyCallCanBeMadeToFail() throws {
    func work() throws -> Double {
      try withTorchErrors {
        let x = Tensor([1, 2, 3, 4] as [Double], shape: [2, 2])
        return try x.mm(x).sum().values(of: Double.self)[0]
      }
    }
    for calls in 0..<4 {
      let wasReached = Torch.failing(after: calls) {
        #expect(throws: TorchError.self) { _ = try work() }
      }
      #expect(wasReached)
    }
    var result = 0.0
    let wasReached = try Torch.failing(after: 100) { result = try work() }
    #expect(!wasReached)
    #expect(result == 54)
  }

  @Test func missingMemoryIsSaidInWords() {
    let error = #expect(throws: TorchError.self) { try withTorchErrors { _ = Tensor.ones([1 << 45]) } }
    #expect(error?.isMemory == true)
    #expect(error?.description.contains("128.0 TiB") == true)
    let overflow = #expect(throws: TorchError.self) { try withTorchErrors { _ = Tensor.ones([1 << 62, 1 << 10]) } }
    #expect(overflow?.isMemory == true)
    #expect(overflow?.description.contains("train.microBatch") == true)
  }
}

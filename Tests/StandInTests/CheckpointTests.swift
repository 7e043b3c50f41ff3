// SPDX-License-Identifier: Apache-2.0
import Objectives
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// Checkpoints that are written from the stand-in and taken up there, and across devices.
@Suite(onGPU) struct StandInCheckpointTests {
  private func train(
    _ device: Device, _ folder: String?, dtype: DType?, bits: AdamW.StateBits = .thirtyTwo, dropout: Double = 0.3,
    stopAfter: Int = .max
  ) throws -> Trained {
    try Trained(
      bits == .eight ? try wide(device) : try adapted(device, dropout: dropout), try digitObjective(), sumBatches(),
      AdamW(learningRate: 1e-3, stateBits: bits), steps: 6, dtype: dtype,
      checkpoints: try folder.map { try Checkpoints($0, stepsBetween: 2) }, stopAfter: stopAfter)
  }

  @Test(arguments: [nil, DType.bfloat16], AdamW.StateBits.allCases)
  func resumedEqualsUninterruptedBitForBit(dtype: DType?, bits: AdamW.StateBits) throws {
    try withTemporaryFolder { path in
      let folder = path + "/checkpoints"
      let whole = try train(.cuda(), nil, dtype: dtype, bits: bits)
      let stopped = try train(.cuda(), folder, dtype: dtype, bits: bits, stopAfter: 3)
      #expect(stopped.losses.count == 3)
      let resumed = try train(.cuda(), folder, dtype: dtype, bits: bits)
      #expect(resumed.losses == whole.losses)
      #expect(resumed.weights == whole.weights)
    }
  }

  /// What a GPU has begun, a processor ends, and the other way round.
  @Test(arguments: [true, false]) func runsMoveToTheOtherDevice(fromCPU: Bool) throws {
    try withTemporaryFolder { path in
      let folder = path + "/checkpoints", devices = [Device.cpu, .cuda()]
      let (first, second) = fromCPU ? (devices[0], devices[1]) : (devices[1], devices[0])
      let whole = try train(.cpu, nil, dtype: nil, dropout: 0)
      _ = try train(first, folder, dtype: nil, dropout: 0, stopAfter: 3)
      let resumed = try train(second, folder, dtype: nil, dropout: 0)
      #expect(zip(resumed.losses, whole.losses).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
public import Reports
public import TokenData
import TokenModels
import Torch
import TorchNN
public import Training

/// Ctrl-C while log-probabilities of a reference model are computed.
public struct StoppedComputing: Error, CustomStringConvertible {
  /// Where those that are there are kept.
  public var folder: String
  /// For a person.
  public var description: String {
    "Stopped; what is whole is kept in \(folder), and the same command goes on from it."
  }
}

extension ResponseArtifacts {
  /// Folder of the log-probabilities that are computed before the run.
  public func referenceFolder(_ folder: RunFolder) -> String {
    settings.reference.folder ?? "\(folder.path)/reference"
  }

  /// Log-probabilities of the reference model for all responses of a data set; what is missing is computed.
  ///
  /// - Parameters:
  ///   - name: of the data set, `train` or `valid`: a folder in ``referenceFolder(_:)``.
  /// - Throws: `InputError` if those in the folder were computed from something else, which it names.
  public func precomputed(
    _ dataset: ResponseDataset, _ name: String, _ folder: RunFolder, _ terminal: Terminal
  ) throws -> ReferenceCache {
    let cache = try ReferenceCache(
      "\(referenceFolder(folder))/\(name)", identity: try identity(dataset), examples: dataset.count)
    let missing = cache.missing
    guard !missing.isEmpty else { return cache }
    let model = ReferenceModel.twin(try loadReference())
    let known = dataset.count - missing.reduce(0) { $0 + $1.count }
    try ProgressBar.run(
      "reference model, \(name)", total: dataset.count, unit: "example", terminal: terminal
    ) { bar in
      bar.update(completed: known)
      try withTorchErrors {
        let isWhole = try cache.compute(
          dataset, by: model, microBatch: microBatch, pad: base.pad, shouldStop: { Interruption.isRequested }
        ) { done, _ in bar.update(completed: done) }
        if !isWhole { throw StoppedComputing(folder: cache.folder) }
      }
    }
    return cache
  }

  /// As many examples at a time as training has, eight at most.
  private var microBatch: Int {
    if case .examples(let count) = settings.train.microBatch { return min(count, 8) }
    return min(settings.train.batch, 8)
  }

  /// What log-probabilities are computed from: the data, its tokens as they are encoded, the weights.
  private func identity(_ dataset: ResponseDataset) throws -> [String: String] {
    var tokens = UInt64.fingerprintStart
    for example in dataset.examples {
      for (id, isLearnt) in zip(example.ids, example.supervised) {
        tokens.mix(UInt64(UInt32(bitPattern: id)) << 1 | (isLearnt ? 1 : 0))
      }
      for start in example.breaks { tokens.mix(UInt64(start)) }
      tokens.mix(UInt64(example.ids.count))
    }
    return [
      "data": "\(dataset.summary.fingerprint)", "tokens": "\(tokens)", "weights": try weights(),
      "dtype": DType.words.first { $0.value == settings.train.dtype }?.key ?? "",
    ]
  }

  /// A fingerprint of the reference model's weights.
  private func weights() throws -> String {
    guard let name = settings.reference.model else {
      let fingerprint = try Self.fingerprint(ofModels: [modelFolder], weights: !settings.train.fromScratch)
      return settings.train.fromScratch ? "\(fingerprint) seed \(settings.train.seed)" : "\(fingerprint)"
    }
    let choice = try ModelChoice(name)
    return "\(try Self.fingerprint(ofModels: [choice.artifacts.modelFolder, choice.checkpoint].compactMap { $0 }))"
  }

  private static func fingerprint(ofModels folders: [String], weights: Bool = true) throws -> UInt64 {
    var fingerprint = UInt64.fingerprintStart
    for folder in folders {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      for name in names where name == "config.json" || weights && name.hasSuffix(".safetensors") {
        let path = "\(folder)/\(name)"
        guard fileExists(path) else { continue }
        fingerprint.mix(try MappedFile(path).withBytes { UInt64(fingerprintOf: $0) })
      }
    }
    return fingerprint
  }
}

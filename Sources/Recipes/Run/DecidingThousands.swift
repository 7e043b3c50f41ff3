// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import TokenData

extension RunSettings {
  /// With `grammar.thousands: auto` turned off where the answers to learn show that commas between digits separate
  /// numbers: `512,384` beside `12,38` is a pair, not half a million. Written into the resolved run file, so that a
  /// run's answers are read by what it learnt from.
  ///
  /// A run that was begun before there was `auto` goes on as it began.
  func decidingThousands() -> RunSettings {
    var settings = self
    for index in begunWithoutGroups where metrics.indices.contains(index) && metrics[index].grammar.thousands == .auto {
      settings.metrics[index].grammar.thousands = .never
    }
    return settings.decidingByData()
  }

  /// The metrics whose `grammar.thousands` is null in the run's folder.
  private var begunWithoutGroups: [Int] {
    let path = RunFolder(output).runFile
    guard fileExists(path), case .array(let metrics)? = (try? SettingsDocument(file: path))?.root["metrics"] else {
      return []
    }
    return metrics.indices.filter { metrics[$0]["grammar"]?["thousands"] == .null }
  }

  private func decidingByData() -> RunSettings {
    let open = metrics.indices.filter { metrics[$0].grammar.thousands == .auto && metrics[$0].readsNumbers }
    guard !open.isEmpty, reward == nil, !data.areCodes, let source = data.train ?? data.valid ?? data.test,
      let file = try? DataFiles(source)
    else { return self }
    var surveys = [MetricRegion: NumberSurvey]()
    let reader = data.reader
    for index in stride(from: 0, to: file.count, by: max(1, file.count / 4096)) {
      // Lines that cannot be read are refused, or left out, when all are.
      guard let record = try? reader.record(file, index) else { continue }
      for region in Set(open.map({ metrics[$0].region })) {
        surveys[region, default: NumberSurvey()].add(record.survey([region]))
      }
    }
    var settings = self
    for index in open where surveys[metrics[index].region]?.commasAreLists ?? false {
      settings.metrics[index].grammar.thousands = .never
    }
    return settings
  }

  /// Reader of the numbers of answers; nil for a run without metrics of numbers.
  var numberGrammar: NumberGrammar? { metrics.first(where: \.readsNumbers)?.grammar }
}

extension MetricSettings {
  /// Whether its tokens are parts of numbers.
  fileprivate var readsNumbers: Bool {
    switch tokens {
    case .digits, .numbers, .integers, .scores: true
    case .labels, .bins, .numberedBins, .ids, .codebook: false
    }
  }
}

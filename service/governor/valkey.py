"""An org's place in Valkey or Redis: hashes that one script reads and changes in one step."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from service.errors import SharedStoreUnavailable
from service.governor.exchange import Counts, Report, Standing, ToldUsage

_SECONDS = 0.25
"""Longest that an exchange may take; the replica goes on meanwhile."""
_MOST = 1e9
"""More calls than this in one count are nothing that a replica wrote."""

# The store's own clock dates everything; those of the replicas need not agree. KEYS[1] holds the replicas (r:) and what
# they learned, each further one the calls of a purse by minute, made (m:) or remembered from before a loss (s:), and
# the leases of them (r:). What is no hash is not of this service, and all that may be lost is lost with it.
_EXCHANGE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(time[1] / 60)
local report = cjson.decode(ARGV[1])
local state = KEYS[1]
local function number(text, most)
  local found = tonumber(text or 0) or 0
  if found >= 0 and found <= most then return found end
  return 0
end
local function calls(text) return number(text, 1e9) end
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
end

local known = redis.call('HMGET', state, 'epoch', 'serial', 'generation')
local epoch, serial, generation = known[1], number(known[2], 1e14), number(known[3], 1e14)
if report.epoch ~= '' and not report.memory and (epoch ~= report.epoch or serial < report.serial) then
  return cjson.encode({lost = true})
end
if report.memory and epoch == report.epoch then
  -- The store went back in time: the replica remembers all that it does, and more.
  for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
  epoch = nil
end
epoch = epoch or (report.replica .. '-' .. now)
serial = math.max(serial, report.serial) + 1
generation = math.max(generation, 1)

local own, alive, elsewhere = 'r:' .. report.replica, {}, 0
local is_new = true
local entries = redis.call('HGETALL', state)
for i = 1, #entries, 2 do
  local name = entries[i]
  if string.sub(name, 1, 2) == 'r:' then
    local ends, sequence, long = string.match(entries[i + 1], '^(%d+):(%d+):(%d+)$')
    if not ends or tonumber(ends) + 3600000 < now then
      for _, key in ipairs(KEYS) do redis.call('HDEL', key, name) end
    elseif name == own then
      is_new = tonumber(sequence) ~= report.sequence
    elseif tonumber(ends) > now then
      table.insert(alive, name)
      elsewhere = elsewhere + tonumber(long)
    end
  end
end

local counts, held, is_changed = {}, {}, false
for i, purse in ipairs(report.purses) do
  local key = KEYS[i + 1]
  local swept = redis.call('HGET', key, 'swept')
  swept = swept and number(swept, 1e9) or minute
  for each = math.max(swept, minute - 3000), minute - 1441 do
    redis.call('HDEL', key, 'm:' .. each, 's:' .. each)
  end
  redis.call('HSET', key, 'swept', minute - 1440)
  if report.memory then
    for _, pair in ipairs(report.memory[i]) do
      local field = 's:' .. string.format('%.0f', pair[1])
      if pair[1] > minute - 1440 and pair[2] > calls(redis.call('HGET', key, field)) then
        redis.call('HSET', key, field, string.format('%.17g', pair[2]))
        is_changed = true
      end
    end
  end
  if is_new and purse.spent > 0 then
    local field = 'm:' .. minute
    redis.call('HSET', key, field, string.format('%.17g', calls(redis.call('HGET', key, field)) + purse.spent))
  end
  held[i] = 0
  if #alive > 0 then
    for _, lease in ipairs(redis.call('HMGET', key, unpack(alive))) do held[i] = held[i] + calls(lease) end
  end
  if report.lease > 0 then
    redis.call('HSET', key, own, string.format('%.17g', purse.lease))
  else
    redis.call('HDEL', key, own)
  end
end
if is_changed then generation = generation + 1 end

local since = minute - 1439
if report.generation == generation then since = math.min(minute, math.max(since, report.since)) end
local made, remembered = {}, {}
for each = since, minute do
  table.insert(made, 'm:' .. each)
  table.insert(remembered, 's:' .. each)
end
for i = 1, #report.purses do
  counts[i] = {}
  local before = redis.call('HMGET', KEYS[i + 1], unpack(remembered))
  for j, count in ipairs(redis.call('HMGET', KEYS[i + 1], unpack(made))) do
    local sum = calls(count) + calls(before[j])
    if sum > 0 then table.insert(counts[i], {since + j - 1, sum}) end
  end
  redis.call('PEXPIRE', KEYS[i + 1], 90000000)
end

local usage = redis.call('HGET', state, 'usage') or ''
local others, maximum, at = string.match(usage, '^(%S+) (%d+) (%d+)$')
if report.usage and (not at or tonumber(at) <= now - report.usage[3]) then
  others, maximum, at = report.usage[1], report.usage[2], now - report.usage[3]
  redis.call('HSET', state, 'usage', string.format('%.17g %.0f %.0f', others, maximum, at))
end
local told = nil
if at then told = {tonumber(others), tonumber(maximum), now - tonumber(at)} end
redis.call('HSET', state, 'epoch', epoch, 'serial', serial, 'generation', generation)
if report.lease > 0 then
  redis.call('HSET', state, own, string.format('%.0f:%.0f:%.0f', now + report.lease, report.sequence, report.long))
else
  redis.call('HDEL', state, own)
end
redis.call('PEXPIRE', state, 90000000)
return cjson.encode({
  epoch = epoch, serial = serial, generation = generation, minute = minute, replicas = #alive + 1,
  elsewhere = elsewhere, usage = told, counts = counts, held = held
})
"""


class Scripts(Protocol):
    """The store, as far as it runs scripts."""

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[bytes], *, seconds: float) -> Any:
        """Run a script, whole or not at all.

        Args:
            script: Lua.
            keys: The keys that it uses.
            arguments: Its arguments.
            seconds: How long it may take with all that goes before it.

        Raises:
            service.errors.SharedStoreUnavailable: There is no answer; the script may have run.

        """
        ...


class _Answer(msgspec.Struct):
    """What the script answers; its empty lists are empty objects, as Lua has but tables."""

    lost: bool = False
    epoch: str = ""
    serial: int = 0
    generation: int = 0
    minute: int = 0
    replicas: int = 1
    elsewhere: int = 0
    usage: tuple[float, float, float] | None = None
    counts: list[list[tuple[int, float]] | dict[str, int]] = []
    held: list[float] = []


class ValkeyExchange:
    """A `service.governor.exchange.Exchange` in Valkey or Redis 7, or later ones.

    Args:
        scripts: The store.
        prefix: What names of keys begin with.
        org: The org's configured name.

    """

    def __init__(self, scripts: Scripts, prefix: str, org: str) -> None:
        self._scripts = scripts
        # The version is of the form of the hashes. In a cluster the braces keep an org's keys on one node.
        self._key = f"{prefix}governor:1:{{{org}}}"

    async def exchange(self, report: Report) -> Standing | None:
        """Tell and be told; see `Exchange.exchange`."""
        purses = list(report.spent)
        keys = [self._key, *(f"{self._key}:calls:{name}" for name in purses)]
        body = msgspec.json.encode(_plain(report, purses))
        answer = await self._scripts.run(_EXCHANGE, keys, [body], seconds=_SECONDS)
        try:
            found = msgspec.json.decode(answer, type=_Answer)
            return None if found.lost else _standing(found, purses)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise SharedStoreUnavailable(
                "the store that replicas share holds something that is not of this service", retry_after_seconds=1.0
            ) from error


def _plain(report: Report, purses: Sequence[str]) -> Mapping[str, Any]:
    """Return a report as the script reads it. What is absent is left out: JSON's null is no nil to Lua."""
    plain: dict[str, Any] = {
        "replica": report.replica,
        "sequence": report.sequence,
        "lease": report.lease_seconds * 1000,
        "epoch": report.epoch,
        "serial": report.serial,
        "generation": report.generation,
        "since": report.since,
        "long": report.long_running,
        "purses": [{"spent": report.spent[name], "lease": report.leases[name]} for name in purses],
    }
    if report.usage is not None:
        plain["usage"] = report.usage.others, report.usage.maximum, round(report.usage.seconds_ago * 1000)
    if report.memory is not None:
        plain["memory"] = [list(report.memory[name].items()) for name in purses]
    return plain


def _standing(found: _Answer, purses: Sequence[str]) -> Standing:
    """Return what the script answered.

    Raises:
        ValueError: A number is none that a replica told.

    """
    counts = [_counts(each) for each in found.counts]
    held = found.held
    if len(counts) != len(purses) or len(held) != len(purses) or not _are_calls(held):
        raise ValueError("the purses are not those that were asked for")
    usage = None
    if found.usage is not None:
        others, maximum, milliseconds = found.usage
        usage = ToldUsage(others, int(maximum), max(0.0, milliseconds / 1000))
        if not abs(others) <= _MOST or not 0 <= maximum <= _MOST:
            raise ValueError("the usage is none that Salesforce tells")
    return Standing(
        epoch=found.epoch,
        serial=found.serial,
        generation=found.generation,
        minute=found.minute,
        replicas=found.replicas,
        long_running_elsewhere=found.elsewhere,
        usage=usage,
        counts=dict(zip(purses, counts, strict=True)),
        held=dict(zip(purses, held, strict=True)),
    )


def _counts(told: list[tuple[int, float]] | dict[str, int]) -> Counts:
    counts: dict[int, float] = dict(told) if isinstance(told, list) else {}
    if not _are_calls(counts.values()):
        raise ValueError("a count is none of calls")
    return counts


def _are_calls(numbers: Iterable[float]) -> bool:
    return all(0 <= number <= _MOST and math.isfinite(number) for number in numbers)

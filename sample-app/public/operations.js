// Draws what the table says, and follows it. Without this file, the table has the figures as of when the page was opened.
import UPlot from '/assets/uplot/uPlot.esm.js';

/** Five minutes, every two seconds. */
const KEPT = 150;
const NUMBER = new Intl.NumberFormat('en-IE', { maximumFractionDigits: 2 });

const charts = document.querySelector('.charts');
const notice = document.querySelector('.intro .notice');
let samples = [];
let plots = [];

charts.hidden = false;
draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
new ResizeObserver(() => plots.forEach(({ plot, place }) => plot.setSize(sizeOf(place)))).observe(charts);

const stream = new EventSource('/operations/stream');
stream.addEventListener('open', () => {
  samples = [];
  notice.textContent = '';
});
stream.addEventListener('message', ({ data }) => {
  // The first event has what the server has kept; the page has been written with the last of it.
  const isFirst = samples.length === 0;
  samples = [...samples, ...JSON.parse(data)].slice(-KEPT);
  for (const { plot, figures } of plots) plot.setData(columns(figures));
  if (!isFirst) write(samples.at(-1));
});
stream.addEventListener('error', () => {
  notice.textContent =
    stream.readyState === EventSource.CLOSED
      ? 'These figures stand still: you are not signed in any more.'
      : 'The connection is lost; trying again.';
});

function write(sample) {
  for (const place of document.querySelectorAll('[data-figure]')) {
    const value = sample[place.dataset.figure];
    place.textContent = value === null ? '–' : NUMBER.format(value);
  }
}

function draw() {
  for (const { plot } of plots) plot.destroy();
  plots = Array.from(charts.querySelectorAll('figure'), (figure) => {
    const place = figure.querySelector('.plot');
    const figures = JSON.parse(figure.dataset.chart);
    const colours = Array.from(figure.querySelectorAll('.key'), (key) => getComputedStyle(key).backgroundColor);
    return { place, figures, plot: new UPlot(optionsOf(place, colours), columns(figures), place) };
  });
}

function columns(figures) {
  return [samples.map(({ at }) => at / 1_000), ...figures.map((figure) => samples.map((sample) => sample[figure]))];
}

function sizeOf({ clientWidth, clientHeight }) {
  return { width: clientWidth, height: clientHeight };
}

function optionsOf(place, colours) {
  const ink = getComputedStyle(place).color;
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const line = { stroke: 'rgb(128 140 134 / 25%)', width: 1 };
  const axis = { stroke: ink, font, grid: line, ticks: { show: false } };
  return {
    ...sizeOf(place),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 28, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(4, high * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, values: (_plot, times) => times.map(clock), space: 56, size: 24 },
      { ...axis, size: 40, space: 28, values: (_plot, values) => values.map((value) => NUMBER.format(value)) },
    ],
    series: [{}, ...colours.map((stroke) => ({ stroke, width: 2, spanGaps: true, points: { size: 4, fill: stroke } }))],
  };
}

function clock(seconds) {
  return new Date(seconds * 1_000).toLocaleTimeString('en-IE', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

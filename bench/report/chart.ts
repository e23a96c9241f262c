import * as echarts from 'echarts';
import type { Results } from '../results.js';
import { type Event, eventsOf, isOurs, isPeer } from './comparison.js';

const WIDTH = 960;
const ROW = 34;
const MARGIN = { left: 270, right: 90, top: 50, bottom: 20 };
const COLOURS = { bare: '#9aa5b1', ours: '#1f6feb', peer: '#d9a441' };

/** Requests a second as an SVG: a panel for each thing that was done. */
export function chartOf(results: Results): string {
  const events = eventsOf(results);
  const heights = events.map(({ figures }) => figures.length * ROW + MARGIN.top + MARGIN.bottom);
  const tops = heights.map((_, index) => heights.slice(0, index).reduce((sum, height) => sum + height, MARGIN.top));
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH,
    height: heights.reduce((sum, height) => sum + height, MARGIN.top),
  });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      title: [
        { text: 'Requests per second, medians; the lines show the slowest and the fastest round', left: 16, top: 12 },
        ...events.map(({ method, connections }, index) => ({
          text: `${method}, ${connections} connections`,
          left: 16,
          top: (tops[index] ?? 0) + 12,
          textStyle: { fontSize: 14 },
        })),
      ],
      grid: events.map(({ figures }, index) => ({
        left: MARGIN.left,
        right: MARGIN.right,
        top: (tops[index] ?? 0) + MARGIN.top,
        height: figures.length * ROW,
      })),
      xAxis: events.map((_, index) => ({ gridIndex: index, type: 'value', axisLabel: { show: false }, min: 0 })),
      yAxis: events.map(({ figures }, index) => ({
        gridIndex: index,
        type: 'category',
        inverse: true,
        data: figures.map(({ contestant }) => contestant),
        axisTick: { show: false },
      })),
      series: events.flatMap(seriesOf),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function seriesOf({ figures }: Event, index: number): echarts.SeriesOption[] {
  const axes = { xAxisIndex: index, yAxisIndex: index };
  return [
    {
      type: 'bar',
      ...axes,
      barWidth: '62%',
      data: figures.map(({ contestant, spread }) => ({
        value: Math.round(spread.perSecond.median),
        itemStyle: { color: isOurs(contestant) ? COLOURS.ours : isPeer(contestant) ? COLOURS.peer : COLOURS.bare },
      })),
      label: {
        show: true,
        position: 'right',
        distance: 12,
        formatter: ({ value }) => Number(value).toLocaleString('en-US'),
      },
      markLine: {
        symbol: ['none', 'none'],
        silent: true,
        label: { show: false },
        lineStyle: { color: '#24292f', type: 'solid', width: 2 },
        data: figures.map(({ contestant, spread }) => [
          { coord: [spread.perSecond.min, contestant] },
          { coord: [spread.perSecond.max, contestant] },
        ]),
      },
    },
  ];
}

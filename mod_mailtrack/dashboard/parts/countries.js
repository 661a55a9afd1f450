/* SPDX-License-Identifier: MIT */
/* Names of countries as the place database has them, where the atlas has
   others. Both are English; most are the same. */
const ATLAS = {
  'United States': 'United States of America',
  'Czech Republic': 'Czechia',
  'The Netherlands': 'Netherlands',
  'Republic of the Congo': 'Congo',
  'Congo Republic': 'Congo',
  'DR Congo': 'Dem. Rep. Congo',
  'Bosnia and Herzegovina': 'Bosnia and Herz.',
  'Bosnia & Herzegovina': 'Bosnia and Herz.',
  'Dominican Republic': 'Dominican Rep.',
  'Central African Republic': 'Central African Rep.',
  'South Sudan': 'S. Sudan',
  'North Macedonia': 'Macedonia',
  'Equatorial Guinea': 'Eq. Guinea',
  'Western Sahara': 'W. Sahara',
  'Solomon Islands': 'Solomon Is.',
  'Ivory Coast': "Côte d'Ivoire",
  'Türkiye': 'Turkey',
  'Swaziland': 'eSwatini', 'Eswatini': 'eSwatini',
  'Myanmar (Burma)': 'Myanmar',
  'Hashemite Kingdom of Jordan': 'Jordan',
  'Republic of Lithuania': 'Lithuania',
  'Republic of Moldova': 'Moldova',
  'Falkland Islands': 'Falkland Is.',
};
export const atlasName = (country) => ATLAS[country] ?? country;
